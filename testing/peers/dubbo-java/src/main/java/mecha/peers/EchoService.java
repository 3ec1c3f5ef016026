package mecha.peers;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.rpc.RpcContext;

/** The provider's side of {@link Echo}. */
public class EchoService implements Echo {
    private static final int NOTES_KEPT = 10_000;

    private final String id;
    private final List<String> notes = Collections.synchronizedList(new ArrayList<>());

    public EchoService(String id) {
        this.id = id;
    }

    /** The nth byte is n modulo 251, so that a piece that is lost or comes twice shows. */
    static byte[] pattern(int size) {
        byte[] bytes = new byte[size];
        for (int n = 0; n < size; n++) {
            bytes[n] = (byte) (n % 251);
        }
        return bytes;
    }

    @Override
    public boolean echoBoolean(boolean value) {
        return value;
    }

    @Override
    public byte echoByte(byte value) {
        return value;
    }

    @Override
    public short echoShort(short value) {
        return value;
    }

    @Override
    public int echoInt(int value) {
        return value;
    }

    @Override
    public long echoLong(long value) {
        return value;
    }

    @Override
    public float echoFloat(float value) {
        return value;
    }

    @Override
    public double echoDouble(double value) {
        return value;
    }

    @Override
    public char echoChar(char value) {
        return value;
    }

    @Override
    public String echoString(String value) {
        return value;
    }

    @Override
    public byte[] echoBytes(byte[] value) {
        return value;
    }

    @Override
    public Date echoDate(Date value) {
        return value;
    }

    @Override
    public BigDecimal echoDecimal(BigDecimal value) {
        return value;
    }

    @Override
    public BigInteger echoBigInteger(BigInteger value) {
        return value;
    }

    @Override
    public Object echoObject(Object value) {
        return value;
    }

    @Override
    public List<String> echoList(List<String> value) {
        return value;
    }

    @Override
    public Map<String, Integer> echoMap(Map<String, Integer> value) {
        return value;
    }

    @Override
    public Set<Long> echoSet(Set<Long> value) {
        return value;
    }

    @Override
    public int[] echoInts(int[] value) {
        return value;
    }

    @Override
    public String[] echoStrings(String[] value) {
        return value;
    }

    @Override
    public List<Map<String, List<Integer>>> echoNested(List<Map<String, List<Integer>>> value) {
        return value;
    }

    @Override
    public Color echoColor(Color value) {
        return value;
    }

    @Override
    public Map<Color, Integer> echoColors(Map<Color, Integer> value) {
        return value;
    }

    @Override
    public Person echoPerson(Person value) {
        return value;
    }

    @Override
    public Node echoNode(Node value) {
        return value;
    }

    @Override
    public String join(String first, int second, List<String> third) {
        return first + " " + second + " " + String.join(",", third);
    }

    @Override
    public void refuse(String reason) throws Refused {
        throw new Refused(reason, 7);
    }

    @Override
    public void fail(String reason) {
        throw new IllegalStateException(reason);
    }

    @Override
    public Integer sleep(int millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException("interrupted while asleep", interrupted);
        }
        return millis;
    }

    @Override
    public byte[] payload(int size) {
        return pattern(size);
    }

    @Override
    public int measure(byte[] payload) {
        return java.util.Arrays.equals(payload, pattern(payload.length)) ? payload.length : -1;
    }

    @Override
    public Map<String, String> attachments() {
        Map<String, String> received = new HashMap<>();
        RpcContext.getServerAttachment().getObjectAttachments().forEach((key, value) -> received.put(key, String.valueOf(value)));
        var response = RpcContext.getServerResponseContext();
        response.setAttachment("provider", id);
        received.forEach((key, value) -> {
            if (key.startsWith("echo-")) {
                response.setAttachment(key, value);
            }
        });
        return received;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String peer() {
        return RpcContext.getServiceContext().getRemoteAddressString();
    }

    @Override
    public void note(String text) {
        if (notes.size() < NOTES_KEPT) {
            notes.add(text);
        }
    }

    @Override
    public List<String> notes() {
        synchronized (notes) {
            return new ArrayList<>(notes);
        }
    }
}

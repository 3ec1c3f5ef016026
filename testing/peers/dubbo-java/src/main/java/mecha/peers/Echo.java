package mecha.peers;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The service of the scenarios: a method for every kind of argument, result and end of a call. */
public interface Echo {
    boolean echoBoolean(boolean value);

    byte echoByte(byte value);

    short echoShort(short value);

    int echoInt(int value);

    long echoLong(long value);

    float echoFloat(float value);

    double echoDouble(double value);

    char echoChar(char value);

    String echoString(String value);

    byte[] echoBytes(byte[] value);

    Date echoDate(Date value);

    BigDecimal echoDecimal(BigDecimal value);

    BigInteger echoBigInteger(BigInteger value);

    /** Whatever it is given, null included; on the wire the value has the type that it has at run time. */
    Object echoObject(Object value);

    List<String> echoList(List<String> value);

    Map<String, Integer> echoMap(Map<String, Integer> value);

    Set<Long> echoSet(Set<Long> value);

    int[] echoInts(int[] value);

    String[] echoStrings(String[] value);

    List<Map<String, List<Integer>>> echoNested(List<Map<String, List<Integer>>> value);

    Color echoColor(Color value);

    Map<Color, Integer> echoColors(Map<Color, Integer> value);

    Person echoPerson(Person value);

    /** A graph whose nodes point back. */
    Node echoNode(Node value);

    /** Several arguments of different types. */
    String join(String first, int second, List<String> third);

    /** Always throws, with this reason. */
    void refuse(String reason) throws Refused;

    /** Always throws an {@link IllegalStateException}, which no signature declares. */
    void fail(String reason);

    /** Answers after so many milliseconds, with that number. */
    Integer sleep(int millis);

    /** So many bytes, the nth of them n modulo 251. */
    byte[] payload(int size);

    /** How many bytes it was given, or -1 when they are not those of {@link #payload}. */
    int measure(byte[] payload);

    /**
     * The attachments that came with the request. The response carries back each whose key begins with "echo-", and
     * "provider" with the provider's name.
     */
    Map<String, String> attachments();

    /** The provider's name, from its flag {@code --id}. */
    String id();

    /** The address of the connection's other end as the provider sees it. */
    String peer();

    /** Keeps a note and returns nothing; called one-way it has no response. */
    void note(String text);

    /** Every note so far. */
    List<String> notes();
}

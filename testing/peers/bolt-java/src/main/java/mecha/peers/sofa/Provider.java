package mecha.peers.sofa;

import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.alipay.sofa.rpc.core.request.SofaRequest;
import com.alipay.sofa.rpc.core.response.SofaResponse;
import com.alipay.sofa.rpc.filter.Filter;
import com.alipay.sofa.rpc.filter.FilterInvoker;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import mecha.peers.bolt.Json;
import mecha.peers.bolt.Options;

/** {@link Peer} on SOFARPC, over Bolt and without a registry. */
public final class Provider implements Peer {
  /** The properties of the request that this thread answers. */
  private static final ThreadLocal<Map<String, Object>> PROPS = new ThreadLocal<>();

  private final String id;
  private final Map<String, AtomicInteger> notes = new ConcurrentHashMap<>();

  private Provider(String id) {
    this.id = id;
  }

  public static void run(Options options) throws InterruptedException {
    int port = Integer.parseInt(options.word(0, "PORT"));
    ServerConfig server = new ServerConfig().setProtocol("bolt").setHost("127.0.0.1").setPort(port).setDaemon(false);
    new ProviderConfig<Peer>()
        .setInterfaceId(Peer.class.getName())
        .setRef(new Provider(options.word(1, "ID")))
        .setServer(server)
        .setRegister(false)
        .setFilterRef(List.of(new Keeping()))
        .export();
    Json.of("event", "listening").with("port", port).tell();
    new CountDownLatch(1).await();
  }

  /** Keeps the properties of a request for the method that answers it. */
  private static final class Keeping extends Filter {
    @Override
    public SofaResponse invoke(FilterInvoker next, SofaRequest request) throws SofaRpcException {
      Map<String, Object> shown = new TreeMap<>();
      if (request.getRequestProps() != null) request.getRequestProps().forEach((name, value) -> shown.put(name, String.valueOf(value)));
      PROPS.set(shown);
      return next.invoke(request);
    }
  }

  @Override
  public String echoString(String value) {
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
  public double echoDouble(double value) {
    return value;
  }

  @Override
  public boolean echoBoolean(boolean value) {
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
  public List<String> echoList(List<String> value) {
    return value;
  }

  @Override
  public Map<String, Object> echoMap(Map<String, Object> value) {
    return value;
  }

  @Override
  public Person echoPerson(Person value) {
    return value;
  }

  @Override
  public long sleep(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException problem) {
      throw new IllegalStateException(problem);
    }
    return ms;
  }

  @Override
  public String fail(String message) throws Trouble {
    throw new Trouble(message, 42);
  }

  @Override
  public byte[] bytes(int length) {
    return Json.pattern(length);
  }

  @Override
  public Map<String, Object> props() {
    return PROPS.get();
  }

  @Override
  public String note(String text) {
    notes.computeIfAbsent(text, any -> new AtomicInteger()).incrementAndGet();
    return null;
  }

  @Override
  public int noted(String text) {
    return notes.getOrDefault(text, new AtomicInteger()).get();
  }

  @Override
  public String id() {
    return id;
  }
}

package mecha.peers.sofa;

import com.alipay.hessian.generic.model.GenericObject;
import com.alipay.sofa.rpc.api.GenericService;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.MethodConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import mecha.peers.bolt.Cases;
import mecha.peers.bolt.Json;
import mecha.peers.bolt.Options;

/** A consumer of {@link Peer} on SOFARPC, connected to an address without a registry. */
public final class Consumer {
  private static final int MEBIBYTE = 1 << 20;

  private final String url;
  private final int timeout;
  private final Peer peer;

  private Consumer(Options options) {
    url = "bolt://" + options.word(0, "HOST:PORT");
    timeout = options.number("timeout", 3000);
    MethodConfig note = new MethodConfig().setName("note").setInvokeType("oneway");
    peer = this.<Peer>config(Peer.class.getName()).setMethods(List.of(note)).refer();
  }

  private <T> ConsumerConfig<T> config(String name) {
    ConsumerConfig<T> config = new ConsumerConfig<T>().setInterfaceId(name).setProtocol("bolt").setDirectUrl(url);
    return config.setRegister(false).setSubscribe(false).setTimeout(timeout).setRepeatedReferLimit(-1);
  }

  public static void run(Options options) {
    Consumer consumer = new Consumer(options);
    Cases cases = new Cases();
    cases.put("id", () -> consumer.peer.id());
    cases.put("basics", consumer::basics);
    cases.put("collections", consumer::collections);
    cases.put("object", consumer::object);
    cases.put("props", consumer::props);
    cases.put("fail", consumer::fail);
    cases.put("generic", consumer::generic);
    cases.put("no-service", consumer::noService);
    cases.put("large", consumer::large);
    cases.put("timeout", consumer::outOfTime);
    cases.put("oneway", consumer::oneway);
    System.exit(cases.run(options.words.subList(1, options.words.size())) ? 0 : 1);
  }

  private static void same(Object found, Object expected) {
    Cases.expect(Objects.deepEquals(found, expected), "expected " + expected + ", not " + found);
  }

  private Object basics() {
    for (String value : List.of("", "plain", "\u00e9\u4e2d\ud83d\ude00", "x".repeat(70_000))) same(peer.echoString(value), value);
    same(peer.echoString(null), null);
    for (int value : new int[] {0, -1, 47, 2048, 262_144, Integer.MAX_VALUE, Integer.MIN_VALUE}) same(peer.echoInt(value), value);
    for (long value : new long[] {0, -9, 2047, 1L << 31, Long.MAX_VALUE, Long.MIN_VALUE}) same(peer.echoLong(value), value);
    for (double value : new double[] {0, 1, -127, 1.5, 1e300, Double.MIN_VALUE}) same(peer.echoDouble(value), value);
    for (boolean value : new boolean[] {true, false}) same(peer.echoBoolean(value), value);
    same(peer.echoBytes(new byte[] {0, 1, 127, -128, -1}), new byte[] {0, 1, 127, -128, -1});
    same(peer.echoDate(new Date(1_700_000_000_123L)), new Date(1_700_000_000_123L));
    return null;
  }

  private Object collections() {
    List<String> list = new ArrayList<>(Arrays.asList("one", "two", "", null));
    same(peer.echoList(list), list);
    Map<String, Object> map = new HashMap<>(Map.of("one", 1, "two", "zwei", "list", new ArrayList<>(list)));
    same(peer.echoMap(map), map);
    return null;
  }

  private Object object() {
    Person person = new Person("Ada", 36, new ArrayList<>(List.of("a", "b")));
    same(peer.echoPerson(person), person);
    return null;
  }

  private Object props() {
    RpcInvokeContext.getContext().putRequestBaggage("tenant", "blue");
    Map<String, Object> props = peer.props();
    RpcInvokeContext.removeContext();
    Cases.expect(props.toString().contains("tenant=blue"), "the server received " + props);
    return props;
  }

  private Object fail() {
    try {
      throw new AssertionError("no exception came, but " + peer.fail("thrown on purpose"));
    } catch (Trouble trouble) {
      same(trouble.getMessage(), "thrown on purpose");
      same(trouble.code(), 42);
      return trouble.getClass().getName();
    }
  }

  /** Without the classes of the service: by the names of methods and types, and with objects that are maps of fields. */
  private Object generic() {
    GenericService service = this.<GenericService>config(Peer.class.getName()).setGeneric(true).refer();
    same(service.$invoke("echoString", new String[] {"java.lang.String"}, new Object[] {"generic"}), "generic");
    GenericObject person = new GenericObject(Person.class.getName());
    person.putField("name", "Ada");
    person.putField("age", 36);
    Object answer = service.$genericInvoke("echoPerson", new String[] {Person.class.getName()}, new Object[] {person});
    same(((GenericObject) answer).getField("name"), "Ada");
    same(((GenericObject) answer).getField("age"), 36);
    return ((GenericObject) answer).getType();
  }

  private Object noService() {
    GenericService nothing = this.<GenericService>config("mecha.peers.sofa.Nothing").setGeneric(true).refer();
    return Cases.failure(() -> nothing.$invoke("id", new String[0], new Object[0]));
  }

  private Object large() {
    byte[] bytes = Json.pattern(MEBIBYTE);
    Cases.expect(Arrays.equals(peer.echoBytes(bytes), bytes), "other bytes came back");
    Cases.expect(Arrays.equals(peer.bytes(MEBIBYTE), bytes), "other bytes came");
    return MEBIBYTE;
  }

  private Object outOfTime() {
    RpcInvokeContext.getContext().setTimeout(200);
    Object failure = Cases.failure(() -> peer.sleep(1500));
    RpcInvokeContext.removeContext();
    // The late answer, where one comes, must not disturb what follows.
    same(peer.echoString("after"), "after");
    return failure;
  }

  /** A one-way call has no answer, so another call asks whether it came; it may come a moment later. */
  private Object oneway() {
    String text = "oneway " + System.nanoTime();
    peer.note(text);
    long deadline = System.nanoTime() + timeout * 1_000_000L;
    int came = 0;
    while (came == 0 && System.nanoTime() < deadline) came = peer.noted(text);
    same(came, 1);
    return came;
  }
}

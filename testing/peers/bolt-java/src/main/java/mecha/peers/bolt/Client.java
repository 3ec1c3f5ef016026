package mecha.peers.bolt;

import com.alipay.remoting.Connection;
import com.alipay.remoting.CustomSerializerManager;
import com.alipay.remoting.InvokeCallback;
import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.exception.RemotingException;
import com.alipay.remoting.rpc.RpcClient;
import com.alipay.remoting.rpc.RpcResponseFuture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** A client on the raw library: makes the calls of named cases, and tells of each whether it went as it should. */
final class Client {
  private static final int MEBIBYTE = 1 << 20;

  private final RpcClient client = new RpcClient();
  private final String url;
  private final boolean crc;
  private final int timeout;

  private final Cases cases = new Cases();

  private Client(Options options) {
    int protocol = options.number("protocol", 1);
    url = options.word(0, "HOST:PORT") + "?_PROTOCOL=" + protocol + "&_VERSION=" + options.number("version", protocol);
    crc = options.get("crc", "off").equals("on");
    timeout = options.number("timeout", 3000);
    cases.put("sync", () -> shown(sync(Call.of("echo").text("sync \u00e9\u4e2d").number(7))));
    cases.put("future", this::future);
    cases.put("callback", this::callback);
    cases.put("oneway", this::oneway);
    cases.put("no-headers", () -> shown(sync(Call.of("echo").text("bare"))));
    cases.put("headers", this::headers);
    cases.put("many", this::many);
    cases.put("large", this::large);
    cases.put("timeout", this::outOfTime);
    cases.put("throw", () -> fails(Call.of("throw").text("thrown on purpose")));
    cases.put("no-processor", () -> fails(new Call.Orphan()));
    cases.put("busy", () -> fails(new Call.Refused()));
    cases.put("garbled", () -> fails(new Call.Garbled()));
    cases.put("unserializable", () -> fails(Call.of("unserializable")));
    cases.put("heartbeat", this::heartbeat);
  }

  static void run(Options options) throws Exception {
    Headers.register();
    CustomSerializerManager.registerCustomSerializer(Call.Garbled.class.getName(), new Headers.Garbling());
    // Tells a shorter time to the case that waits for heartbeats; a connection sends one whenever it was idle so long.
    System.setProperty("bolt.tcp.heartbeat.interval", options.get("heartbeat", "15000"));
    Client client = new Client(options);
    client.client.startup();
    List<String> wanted = options.words.subList(1, options.words.size());
    boolean well = wanted.equals(List.of("load")) ? new Load(options, client::sync).run() : client.cases.run(wanted);
    client.client.shutdown();
    System.exit(well ? 0 : 1);
  }

  private InvokeContext context() {
    InvokeContext context = new InvokeContext();
    context.put(InvokeContext.BOLT_CRC_SWITCH, crc);
    return context;
  }

  private Answer sync(Call call) throws RemotingException, InterruptedException {
    return (Answer) client.invokeSync(url, call, context(), timeout);
  }

  private static Map<String, Object> shown(Answer answer) {
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("server", answer.server);
    shown.put("text", answer.text);
    shown.put("number", answer.number);
    shown.put("received", answer.received);
    shown.put("headers", answer.headers);
    return shown;
  }

  private Object future() throws Exception {
    RpcResponseFuture future = client.invokeWithFuture(url, Call.of("echo").text("future"), context(), timeout);
    return shown((Answer) future.get(timeout));
  }

  private CompletableFuture<Answer> called(Call call) throws Exception {
    CompletableFuture<Answer> done = new CompletableFuture<>();
    InvokeCallback callback =
        new InvokeCallback() {
          @Override
          public void onResponse(Object result) {
            done.complete((Answer) result);
          }

          @Override
          public void onException(Throwable problem) {
            done.completeExceptionally(problem);
          }

          @Override
          public Executor getExecutor() {
            return null;
          }
        };
    client.invokeWithCallback(url, call, context(), callback, timeout);
    return done;
  }

  private Object callback() throws Exception {
    return shown(called(Call.of("echo").text("callback")).get(timeout, TimeUnit.MILLISECONDS));
  }

  /** A one-way call has no answer, so another call asks whether it came; it may come a moment later. */
  private Object oneway() throws Exception {
    String text = "oneway " + System.nanoTime();
    client.oneway(url, Call.of("oneway").text(text), context());
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeout);
    long came = 0;
    while (came == 0 && System.nanoTime() < deadline) came = sync(Call.of("oneways").text(text)).number;
    Cases.expect(came == 1, "the one-way call came " + came + " times");
    return came;
  }

  private Object headers() throws Exception {
    Call call = Call.of("echo").text("headers").header("service", "mecha.peers.Echo:1.0").header("sofa_head_method_name", "echo");
    call.header("empty", "").header("name\u00e9", "\u503c").header("mixed Case", "a=b; c");
    Answer answer = sync(call);
    Cases.expect(answer.received.equals(call.headers), "the server read " + answer.received);
    Cases.expect(answer.headers.equals(call.headers), "the answer's block has " + answer.headers);
    return shown(answer);
  }

  /** Calls side by side on one connection, of which the later ones are answered earlier. */
  private Object many() throws Exception {
    int count = 100;
    ConcurrentLinkedQueue<Long> order = new ConcurrentLinkedQueue<>();
    List<CompletableFuture<?>> running = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String text = "call " + i;
      long sleep = (count - i) * 3L;
      running.add(
          called(Call.of("sleep").text(text).number(sleep))
              .thenAccept(
                  answer -> {
                    Cases.expect(answer.text.equals(text), text + " got the answer of " + answer.text);
                    order.add(answer.number);
                  }));
    }
    CompletableFuture.allOf(running.toArray(CompletableFuture[]::new)).get(timeout * 2L, TimeUnit.MILLISECONDS);
    List<Long> came = List.copyOf(order);
    int overtaken = 0;
    for (int i = 1; i < came.size(); i++) if (came.get(i) > came.get(i - 1)) overtaken++;
    return Map.of("answers", came.size(), "in_order_of_the_calls", came.get(0) == count * 3L && overtaken == 0);
  }

  private Object large() throws Exception {
    byte[] bytes = Json.pattern(MEBIBYTE);
    Cases.expect(Arrays.equals(sync(Call.of("echo").bytes(bytes)).bytes, bytes), "other bytes came back");
    Cases.expect(Arrays.equals(sync(Call.of("bytes").number(MEBIBYTE)).bytes, bytes), "other bytes came");
    return MEBIBYTE;
  }

  private Object outOfTime() throws Exception {
    Map<String, Object> failure = Cases.failure(() -> client.invokeSync(url, Call.of("sleep").number(1500), context(), 200));
    // The late answer must not disturb what follows.
    Cases.expect(sync(Call.of("echo").text("after")).text.equals("after"), "another call's answer");
    return failure;
  }

  private Object fails(Object call) {
    return Cases.failure(() -> client.invokeSync(url, call, context(), timeout));
  }

  /** Idle for several heartbeats: the connection stays, and none of them waits for its answer. */
  private Object heartbeat() throws Exception {
    Connection connection = client.getConnection(url, timeout);
    sync(Call.of("echo").text("before"));
    Thread.sleep(1200);
    int unanswered = connection.getChannel().attr(Connection.HEARTBEAT_COUNT).get();
    Cases.expect(connection.isFine() && connection == client.getConnection(url, timeout), "the connection was lost");
    Cases.expect(unanswered <= 1, unanswered + " heartbeats have no answer");
    return shown(sync(Call.of("echo").text("after")));
  }
}

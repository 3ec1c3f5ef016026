package mecha.peers.bolt;

import com.alipay.remoting.BizContext;
import com.alipay.remoting.rpc.RpcServer;
import com.alipay.remoting.rpc.protocol.SyncUserProcessor;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** A server on the raw library; it answers {@link Call}s by whatever protocol, version and CRC switch they come with. */
final class Server {
  private final String id;
  /** How often each text came by a one-way call. */
  private final ConcurrentHashMap<String, AtomicInteger> oneways = new ConcurrentHashMap<>();

  private Server(String id) {
    this.id = id;
  }

  static void run(Options options) throws InterruptedException {
    int port = Integer.parseInt(options.word(0, "PORT"));
    Server server = new Server(options.word(1, "ID"));
    Headers.register();
    RpcServer listening = new RpcServer("127.0.0.1", port);
    listening.registerUserProcessor(server.new Calls());
    listening.registerUserProcessor(new Refusing());
    // So that there is a processor for it, and the content is what fails.
    listening.registerUserProcessor(new Unreadable());
    listening.startup();
    Runtime.getRuntime().addShutdownHook(new Thread(listening::shutdown));
    Json.of("event", "listening").with("port", port).tell();
    new CountDownLatch(1).await();
  }

  private Answer answer(Call call) throws Exception {
    Answer answer = new Answer();
    answer.server = id;
    answer.text = call.text;
    answer.number = call.number;
    answer.received = call.headers;
    answer.headers.putAll(call.headers);
    switch (call.op) {
      case "echo" -> answer.bytes = call.bytes;
      case "id" -> {}
      case "sleep" -> Thread.sleep(call.number);
      case "bytes" -> answer.bytes = Json.pattern((int) call.number);
      case "throw" -> throw new IllegalStateException(call.text);
      case "oneway" -> oneways.computeIfAbsent(call.text, text -> new AtomicInteger()).incrementAndGet();
      case "oneways" -> answer.number = oneways.getOrDefault(call.text, new AtomicInteger()).get();
      case "unserializable" -> answer.extra = new Object();
      default -> throw new IllegalArgumentException("no operation " + call.op);
    }
    return answer;
  }

  /** Takes every {@link Call} on a thread of its own, so that a slow one delays no other. */
  private final class Calls extends SyncUserProcessor<Call> {
    private final Executor executor =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "call");
              thread.setDaemon(true);
              return thread;
            });

    @Override
    public Object handleRequest(BizContext context, Call call) throws Exception {
      return answer(call);
    }

    @Override
    public String interest() {
      return Call.class.getName();
    }

    @Override
    public Executor getExecutor() {
      return executor;
    }
  }

  private static final class Refusing extends SyncUserProcessor<Call.Refused> {
    @Override
    public Object handleRequest(BizContext context, Call.Refused call) {
      throw new IllegalStateException("its executor refuses");
    }

    @Override
    public String interest() {
      return Call.Refused.class.getName();
    }

    @Override
    public Executor getExecutor() {
      return task -> {
        throw new RejectedExecutionException("always");
      };
    }
  }

  private static final class Unreadable extends SyncUserProcessor<Call.Garbled> {
    @Override
    public Object handleRequest(BizContext context, Call.Garbled call) {
      return "read";
    }

    @Override
    public String interest() {
      return Call.Garbled.class.getName();
    }
  }
}

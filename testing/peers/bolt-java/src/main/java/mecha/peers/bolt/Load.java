package mecha.peers.bolt;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** So many calls, so many of them at once, and a count of how they ended. Every call ends, by its timeout at the latest. */
final class Load {
  /** Makes a call, and waits for its answer. */
  interface Caller {
    Answer call(Call call) throws Exception;
  }

  private final int calls;
  private final int atOnce;
  private final byte[] payload;
  private final Caller caller;
  private final AtomicInteger next = new AtomicInteger();
  private final LongAdder good = new LongAdder();
  private final AtomicLong slowest = new AtomicLong();
  private final Map<String, AtomicInteger> errors = new ConcurrentHashMap<>();
  private final Map<String, AtomicInteger> servers = new ConcurrentHashMap<>();

  Load(Options options, Caller caller) {
    calls = options.number("calls", 1000);
    atOnce = options.number("at-once", 32);
    payload = Json.pattern(options.number("size", 1024));
    this.caller = caller;
  }

  /** Tells the counts; the result is whether every call got its own answer. */
  boolean run() throws InterruptedException {
    Json.of("event", "load").with("calls", calls).tell();
    long start = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < atOnce; i++) threads.add(new Thread(this::work));
    threads.forEach(Thread::start);
    for (Thread thread : threads) thread.join();
    long ms = Math.max(1, (System.nanoTime() - start) / 1_000_000);
    boolean well = good.sum() == calls;
    Json line = Json.of("case", "load").with("ok", well).with("calls", calls).with("good", good.sum()).with("errors", errors);
    line.with("servers", servers).with("slowest_ms", slowest.get() / 1_000_000).with("ms", ms).with("per_second", calls * 1000L / ms).tell();
    return well;
  }

  private void work() {
    for (int number = next.getAndIncrement(); number < calls; number = next.getAndIncrement()) {
      long start = System.nanoTime();
      String text = "call " + number;
      try {
        Answer answer = caller.call(Call.of("echo").text(text).bytes(payload));
        if (!answer.text.equals(text) || answer.bytes.length != payload.length) throw new IllegalStateException("another call's answer");
        good.increment();
        count(servers, answer.server);
      } catch (Exception problem) {
        count(errors, problem.getClass().getSimpleName());
      }
      slowest.accumulateAndGet(System.nanoTime() - start, Math::max);
    }
  }

  private static void count(Map<String, AtomicInteger> counts, String name) {
    counts.computeIfAbsent(name, any -> new AtomicInteger()).incrementAndGet();
  }
}

package mecha.peers;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.apache.dubbo.rpc.RpcException;

/** Threads that call without a pause, and count how the calls ended. */
final class Load {
    private Load() {}

    static Map<String, Object> run(Flags flags) {
        Echo echo = References.echo(flags);
        int threads = flags.number("threads", 8);
        long end = System.nanoTime() + flags.number("seconds", 5) * 1_000_000_000L;
        String payload = "x".repeat(flags.number("bytes", 64));
        LongAdder good = new LongAdder();
        CountDownLatch warm = new CountDownLatch(100);
        Map<String, LongAdder> failed = new ConcurrentHashMap<>();
        Map<String, LongAdder> providers = new ConcurrentHashMap<>();
        AtomicLong longest = new AtomicLong();
        AtomicLong lastGood = new AtomicLong(System.nanoTime());
        Runnable work = () -> {
            for (int n = 0; System.nanoTime() < end; n++) {
                long start = System.nanoTime();
                try {
                    if (n % 16 == 0) {
                        providers.computeIfAbsent(echo.id(), id -> new LongAdder()).increment();
                    } else if (!payload.equals(echo.echoString(payload))) {
                        throw new IllegalStateException("another answer than asked for");
                    }
                    good.increment();
                    warm.countDown();
                    lastGood.accumulateAndGet(System.nanoTime(), Math::max);
                } catch (RpcException error) {
                    failed.computeIfAbsent("RpcException " + Consumer.kind(error), kind -> new LongAdder()).increment();
                    pause();
                } catch (RuntimeException error) {
                    failed.computeIfAbsent(error.getClass().getName() + ": " + error.getMessage(), kind -> new LongAdder()).increment();
                }
                longest.accumulateAndGet(System.nanoTime() - start, Math::max);
            }
        };
        var running = IntStream.range(0, threads).mapToObj(n -> new Thread(work, "load-" + n)).toList();
        running.forEach(Thread::start);
        try {
            // Whoever restarts a provider under this load wants to know that the load is on.
            boolean on = warm.await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            Main.tell(Main.object("event", "load-started", "on", on));
            for (Thread thread : running) {
                thread.join();
            }
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
        long failures = sums(failed).values().stream().mapToLong(Long::longValue).sum();
        return Main.object("load", true, "ok", failures == 0 && good.sum() > 0, "good", good.sum(), "failed", sums(failed),
            "providers", sums(providers), "longest_ms", longest.get() / 1_000_000, "last_good_before_end_ms", Math.max(0, (end - lastGood.get()) / 1_000_000));
    }

    private static Map<String, Long> sums(Map<String, LongAdder> counts) {
        Map<String, Long> sums = new TreeMap<>();
        counts.forEach((key, count) -> sums.put(key, count.sum()));
        return sums;
    }

    /** A refused connection fails at once; calling on would only burn the processor. */
    private static void pause() {
        try {
            Thread.sleep(2);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

package mecha.peers;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.service.GenericException;
import org.apache.dubbo.rpc.service.GenericService;

/** Named cases, each of which calls the service and judges the results itself. */
final class Cases {
    /** What a case does; the text it returns says what it saw. */
    interface Case {
        String run(Flags flags) throws Exception;
    }

    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    static {
        CASES.put("basic-types", flags -> Values.basicTypes(References.echo(flags)));
        CASES.put("collections", flags -> Values.collections(References.echo(flags)));
        CASES.put("enums", flags -> Values.enums(References.echo(flags)));
        CASES.put("pojo", flags -> Values.pojo(References.echo(flags)));
        CASES.put("exceptions", Cases::exceptions);
        CASES.put("generic", Cases::generic);
        CASES.put("attachments", Cases::attachments);
        CASES.put("large", Cases::large);
        CASES.put("timeout", Cases::timeout);
        CASES.put("oneway", Cases::oneway);
        CASES.put("async-parallel", Cases::asyncParallel);
        CASES.put("heartbeats", Cases::heartbeats);
        CASES.put("errors", Cases::errors);
    }

    static final List<String> NAMES = List.copyOf(CASES.keySet());

    private Cases() {}

    static Map<String, Object> run(String name, Flags flags) {
        Case work = CASES.get(name);
        if (work == null) {
            return Main.object("case", name, "ok", false, "detail", "there is no such case; there are " + NAMES);
        }
        long start = System.nanoTime();
        boolean good = false;
        String detail;
        try {
            detail = work.run(flags);
            good = true;
        } catch (Throwable failure) {
            detail = String.valueOf(failure);
        } finally {
            RpcContext.removeContext();
        }
        return Main.object("case", name, "ok", good, "detail", detail, "ms", (System.nanoTime() - start) / 1_000_000);
    }

    static void same(String what, Object expected, Object actual) {
        check(Objects.deepEquals(expected, actual), what + ": " + text(actual) + " instead of " + text(expected));
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    private static String text(Object value) {
        String text = value + (value == null ? "" : " (" + value.getClass().getName() + ")");
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }

    /** What a call throws that must throw. */
    private static <E extends Throwable> E thrown(Class<E> kind, String what, Case call) {
        try {
            call.run(null);
        } catch (Throwable error) {
            check(kind.isInstance(error), what + " threw " + error + " instead of " + kind.getName());
            return kind.cast(error);
        }
        throw new AssertionError(what + " returned instead of throwing " + kind.getName());
    }

    private static String exceptions(Flags flags) {
        Echo echo = References.echo(flags);
        Refused refused = thrown(Refused.class, "refuse", none -> {
            echo.refuse("not today");
            return "";
        });
        same("the declared exception's message", "not today", refused.getMessage());
        same("the declared exception's field", 7, refused.code);
        IllegalStateException failed = thrown(IllegalStateException.class, "fail", none -> {
            echo.fail("broken ☃");
            return "";
        });
        check(failed.getMessage().contains("broken ☃"), "the message is " + failed.getMessage());
        same("a call after them", 1, echo.echoInt(1));
        return "declared and undeclared";
    }

    private static String generic(Flags flags) {
        GenericService service = References.generic(flags);
        same("a string", "général", service.$invoke("echoString", new String[] {"java.lang.String"}, new Object[] {"général"}));
        same("a primitive", 42, service.$invoke("echoInt", new String[] {"int"}, new Object[] {42}));
        Map<String, Object> person = new HashMap<>();
        person.put("class", Person.class.getName());
        person.put("name", "Ada");
        person.put("age", 36);
        person.put("color", "GREEN");
        Object answer = service.$invoke("echoPerson", new String[] {Person.class.getName()}, new Object[] {person});
        check(answer instanceof Map, "a person came back as " + answer.getClass());
        Map<?, ?> map = (Map<?, ?>) answer;
        same("its name", "Ada", map.get("name"));
        same("its age", 36, map.get("age"));
        same("its colour", "GREEN", String.valueOf(map.get("color")));
        same("several arguments", "a 1 x,y",
            service.$invoke("join", new String[] {"java.lang.String", "int", "java.util.List"}, new Object[] {"a", 1, List.of("x", "y")}));
        GenericException refused = thrown(GenericException.class, "refuse", none ->
            String.valueOf(service.$invoke("refuse", new String[] {"java.lang.String"}, new Object[] {"no"})));
        same("the exception's class", Refused.class.getName(), refused.getExceptionClass());
        return "values, an object as a map, an exception";
    }

    private static String attachments(Flags flags) {
        Echo echo = References.echo(flags);
        // Triple's are fields of HTTP/2, whose values are ASCII.
        String unicode = triple(flags) ? "plain" : "日本 ☃ 😀";
        RpcContext.getClientAttachment().setAttachment("trace-id", "00-4bf92f").setAttachment("echo-one", "1").setAttachment("echo-unicode", unicode);
        Map<String, String> seen = echo.attachments();
        Map<String, Object> back = Consumer.received();
        same("trace-id at the provider", "00-4bf92f", seen.get("trace-id"));
        same("echo-unicode at the provider", unicode, seen.get("echo-unicode"));
        same("echo-one in the response", "1", back.get("echo-one"));
        same("echo-unicode in the response", unicode, back.get("echo-unicode"));
        check(back.get("provider") != null, "the response lacks the attachment of the provider");
        RpcContext.getClientAttachment().clearAttachments();
        check(!echo.attachments().containsKey("trace-id"), "an attachment has stayed for the next call");
        return "at the provider: " + seen.keySet() + ", in the response: " + back.keySet();
    }

    private static String large(Flags flags) {
        Echo echo = References.echo(flags);
        int size = flags.number("size", 1 << 20);
        byte[] bytes = EchoService.pattern(size);
        same("bytes there", size, echo.measure(bytes));
        same("bytes back", bytes, echo.payload(size));
        same("bytes both ways", bytes, echo.echoBytes(bytes));
        return size + " bytes";
    }

    private static String timeout(Flags flags) {
        Echo echo = References.echo(flags.with(Map.of("timeout", 300)));
        long start = System.nanoTime();
        RpcException late = thrown(RpcException.class, "sleep", none -> String.valueOf(echo.sleep(1500)));
        long millis = (System.nanoTime() - start) / 1_000_000;
        // Triple's client tells it in one of two ways, by which of its timers rings first.
        check(late.isTimeout() || triple(flags) && late.toString().contains("DEADLINE_EXCEEDED"), "the error is no timeout: " + late);
        check(millis >= 250 && millis < 1400, "the timeout of 300 ms came after " + millis + " ms");
        same("a call after it", 1, echo.echoInt(1));
        return "after " + millis + " ms";
    }

    private static String oneway(Flags flags) throws InterruptedException {
        Echo echo = References.echo(flags.with(Map.of("oneway", true)));
        String text = "note " + System.nanoTime();
        echo.note(text);
        for (int tries = 0; tries < 100; tries++) {
            List<String> notes = echo.notes();
            if (notes.contains(text)) {
                same("times that it arrived", 1, Collections.frequency(notes, text));
                return "arrived";
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
        throw new AssertionError("the note has not arrived");
    }

    private static String asyncParallel(Flags flags) throws Exception {
        Echo echo = References.echo(flags);
        int calls = flags.number("calls", 8);
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<CompletableFuture<Void>> all = new ArrayList<>();
        long start = System.nanoTime();
        for (int n = calls; n > 0; n--) {
            int millis = n * 60;
            all.add(RpcContext.getServiceContext().asyncCall(() -> echo.sleep(millis)).thenAccept(slept -> {
                same("a sleep's answer", millis, slept);
                order.add(millis);
            }));
        }
        for (CompletableFuture<Void> one : all) {
            one.get(10, TimeUnit.SECONDS);
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        List<Integer> sorted = order.stream().sorted().toList();
        same("the order of the answers", sorted, List.copyOf(order));
        check(millis < 60L * calls * (calls + 1) / 2, "the calls took " + millis + " ms, as if one after another");
        return calls + " calls, the last asked answered first, in " + millis + " ms";
    }

    private static String heartbeats(Flags flags) throws InterruptedException {
        Echo echo = References.echo(flags.with(Map.of("heartbeat", flags.number("heartbeat", 500), "connections", 1)));
        String before = echo.peer();
        int idle = flags.number("idle", 2500);
        TimeUnit.MILLISECONDS.sleep(idle);
        same("the connection after the idle time", before, echo.peer());
        return "idle for " + idle + " ms on " + before;
    }

    private static boolean triple(Flags flags) {
        return flags.get("url", "").startsWith("tri:");
    }

    private static String errors(Flags flags) {
        // Triple takes a service of that name when none has the group.
        Map<String, String> unknown = triple(flags) ? Map.of("interface", "mecha.peers.Nobody") : Map.of("group", "nobody");
        RpcException service = thrown(RpcException.class, "a service that nobody serves", none ->
            String.valueOf(References.generic(flags.with(unknown)).$invoke("echoInt", new String[] {"int"}, new Object[] {1})));
        RpcException method = thrown(RpcException.class, "a method that is not there", none ->
            String.valueOf(References.generic(flags).$invoke("nothing", new String[] {}, new Object[] {})));
        same("a call after them", 1, References.echo(flags).echoInt(1));
        return service.getMessage().lines().findFirst().orElse("") + " | " + method.getMessage().lines().findFirst().orElse("");
    }
}

package mecha.peers;

import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;

/** Calls {@link Echo}: cases that judge themselves, one method by hand, load, or what standard input asks for. */
final class Consumer {
    private Consumer() {}

    /** Whether everything that was asked for went well. */
    static boolean run(Flags flags) throws IOException {
        List<String> words = flags.words();
        String mode = words.isEmpty() ? "stdin" : words.get(0);
        switch (mode) {
            case "stdin":
                listen(flags);
                return true;
            case "call":
                List<Object> args = words.stream().skip(2).map(JSON::parse).toList();
                return told(call(flags, words.get(1), args, Map.of()));
            case "load":
                return told(Load.run(flags));
            default:
                boolean good = true;
                for (String name : words) {
                    good &= told(Cases.run(name, flags));
                }
                return good;
        }
    }

    private static boolean told(Map<String, Object> result) {
        Main.tell(result);
        return Boolean.TRUE.equals(result.get("ok"));
    }

    /**
     * Objects, one a line: {"case": NAME}, {"call": METHOD, "args": [...], "attachments": {...}} or {"load": {}}, each
     * with "flags" that replace those of the command line. Each is answered by one line, in order.
     */
    private static void listen(Flags flags) throws IOException {
        Main.tell(Main.object("event", "ready"));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JSONObject asked = JSON.parseObject(line);
            JSONObject more = asked.getJSONObject("flags");
            Flags with = flags.with(more == null ? Map.of() : more);
            if (asked.containsKey("case")) {
                Main.tell(Cases.run(asked.getString("case"), with));
            } else if (asked.containsKey("load")) {
                Main.tell(Load.run(with));
            } else {
                JSONObject attachments = asked.getJSONObject("attachments");
                List<Object> args = asked.containsKey("args") ? asked.getJSONArray("args") : List.of();
                Main.tell(call(with, asked.getString("call"), args, attachments == null ? Map.of() : attachments));
            }
        }
    }

    /** Calls a method by its name; the arguments are read from JSON as the types that its signature names. */
    private static Map<String, Object> call(Flags flags, String name, List<Object> args, Map<String, Object> attachments) {
        long start = System.nanoTime();
        Map<String, Object> result;
        try {
            Method method = Arrays.stream(Echo.class.getMethods()).filter(one -> one.getName().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("the service has no method " + name));
            Object[] typed = new Object[args.size()];
            for (int at = 0; at < typed.length; at++) {
                typed[at] = JSON.parseObject(JSON.toJSONString(args.get(at)), method.getGenericParameterTypes()[at]);
            }
            Echo echo = References.echo(flags);
            attachments.forEach((key, value) -> RpcContext.getClientAttachment().setAttachment(key, String.valueOf(value)));
            Object value = method.invoke(echo, typed);
            result = Main.object("call", name, "ok", true, "result", value, "attachments", received());
        } catch (InvocationTargetException thrown) {
            result = Main.object("call", name, "ok", false, "error", error(thrown.getCause()));
        } catch (Exception mistake) {
            result = Main.object("call", name, "ok", false, "error", error(mistake));
        } finally {
            RpcContext.removeContext();
        }
        result.put("ms", (System.nanoTime() - start) / 1_000_000);
        return result;
    }

    /** The attachments of the last response on this thread. */
    static Map<String, Object> received() {
        return RpcContext.getClientResponseContext().getObjectAttachments();
    }

    /** What a scenario may ask of an error: its class, its message and, when Dubbo made it, the kind. */
    static Map<String, Object> error(Throwable error) {
        Map<String, Object> told = Main.object("class", error.getClass().getName(), "message", String.valueOf(error.getMessage()));
        if (error instanceof RpcException rpc) {
            told.put("kind", kind(rpc));
        }
        return told;
    }

    static String kind(RpcException error) {
        if (error.isTimeout()) {
            return "timeout";
        } else if (error.isNetwork()) {
            return "network";
        } else if (error.isBiz()) {
            return "business";
        } else if (error.isForbidden()) {
            return "forbidden";
        } else if (error.isSerialization()) {
            return "serialization";
        } else if (error.isNoInvokerAvailableAfterFilter()) {
            return "no-provider";
        } else if (error.isLimitExceed()) {
            return "limit";
        }
        return "unknown";
    }
}

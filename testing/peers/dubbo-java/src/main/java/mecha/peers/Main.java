package mecha.peers;

import com.alibaba.fastjson2.JSON;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.dubbo.common.utils.NetUtils;

/**
 * A Dubbo provider or consumer, as a command. What it has to say it prints as JSON objects, one a line, on standard
 * output; what Dubbo logs (warnings and errors) goes to standard error.
 */
public final class Main {
    private static final String USAGE = """
        usage: provider --port P [--id NAME] [--protocol dubbo|tri] [--group G] [--version V] [--registry ADDRESS]
                        [--serialization NAME] [--threads N] [--payload BYTES] [--heartbeat MS]
               consumer --url URL | --registry ADDRESS [--group G] [--version V] [--timeout MS] [--connections N]
                        [--serialization NAME] [--heartbeat MS] [--retries N] [--lb NAME] [--payload BYTES]
                        CASE... | call METHOD [JSON]... | load --threads T --seconds S | stdin
        cases: %s""";

    private Main() {}

    public static void main(String[] args) throws Exception {
        settings();
        stayOnLoopback();
        String role = args.length == 0 ? "" : args[0];
        if (!role.equals("provider") && !role.equals("consumer")) {
            System.err.println(USAGE.formatted(String.join(" ", Cases.NAMES)));
            System.exit(2);
        }
        Flags flags = Flags.of(Arrays.asList(args).subList(1, args.length));
        if (role.equals("provider")) {
            Provider.run(flags);
        } else {
            // At once: Dubbo's orderly end of a consumer would wait for calls that a scenario has given up.
            System.exit(Consumer.run(flags) ? 0 : 1);
        }
    }

    /** Everything that Dubbo would open or tell beside the calls themselves is off. */
    private static void settings() {
        Map.ofEntries(
                Map.entry("dubbo.application.name", "mecha-peer"),
                Map.entry("dubbo.application.qos-enable", "false"),
                Map.entry("dubbo.application.logger", "jdk"),
                Map.entry("dubbo.application.register-mode", "interface"),
                Map.entry("dubbo.application.register-consumer", "false"),
                Map.entry("dubbo.application.service-discovery.migration", "FORCE_INTERFACE"),
                Map.entry("dubbo.registry.use-as-metadata-center", "false"),
                Map.entry("dubbo.registry.use-as-config-center", "false"),
                Map.entry("dubbo.metrics.export-metrics-service", "false"),
                // Otherwise a provider that was away is passed over until the next look for it, a minute later.
                Map.entry("dubbo.connectivity.validation", "false"),
                Map.entry("dubbo.service.shutdown.wait", "1000"),
                Map.entry("java.net.preferIPv4Stack", "true"))
            .forEach((key, value) -> System.setProperty(key, System.getProperty(key, value)));
        // The first lines that Dubbo logs come before it reads its own setting.
        System.setProperty("dubbo.logger", "jdk");
    }

    /**
     * Dubbo takes 127.0.0.1 for a mistake: a provider registers the machine's own address instead, and a consumer that
     * is told to call 127.0.0.1 calls that. Scenarios keep to loopback, so its idea of its own address is set; there is
     * no setting for it.
     */
    private static void stayOnLoopback() throws ReflectiveOperationException {
        for (Map.Entry<String, Object> field : Map.<String, Object>of("HOST_ADDRESS", "127.0.0.1", "LOCAL_ADDRESS", InetAddress.getLoopbackAddress()).entrySet()) {
            Field place = NetUtils.class.getDeclaredField(field.getKey());
            place.setAccessible(true);
            place.set(null, field.getValue());
        }
    }

    /** Prints one object on a line of its own, whole. */
    static void tell(Map<String, ?> object) {
        synchronized (System.out) {
            System.out.println(JSON.toJSONString(object));
            System.out.flush();
        }
    }

    /** A map in the order given. */
    static Map<String, Object> object(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        List<Object> list = Arrays.asList(pairs);
        for (int at = 0; at < list.size(); at += 2) {
            map.put((String) list.get(at), list.get(at + 1));
        }
        return map;
    }
}

package mecha.peers;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.rpc.service.GenericService;

/** Proxies of the service by the flags they were asked for with; the same flags share one, and its connections. */
final class References {
    private static final Map<String, Object> MADE = new HashMap<>();

    private References() {}

    static Echo echo(Flags flags) {
        return (Echo) made(flags, false);
    }

    static GenericService generic(Flags flags) {
        return (GenericService) made(flags, true);
    }

    private static synchronized Object made(Flags flags, boolean generic) {
        return MADE.computeIfAbsent(generic + " " + flags.values(), key -> make(flags, generic).get());
    }

    private static ReferenceConfig<Object> make(Flags flags, boolean generic) {
        ReferenceConfig<Object> reference = new ReferenceConfig<>();
        reference.setInterface(flags.get("interface", Echo.class.getName()));
        if (generic) {
            reference.setGeneric("true");
        }
        reference.setCheck(false);
        reference.setInjvm(false);
        reference.setGroup(flags.get("group"));
        reference.setVersion(flags.get("version"));
        reference.setTimeout(flags.number("timeout", 5000));
        reference.setRetries(flags.number("retries", 0));
        reference.setConnections(flags.number("connections", 0));
        reference.setLoadbalance(flags.get("lb"));
        Map<String, String> parameters = new HashMap<>();
        parameters.put("payload", flags.get("payload", String.valueOf(Provider.PAYLOAD)));
        // By the next call: a scenario kills and restarts what it calls.
        parameters.put("send.reconnect", "true");
        for (String name : List.of("serialization", "heartbeat")) {
            if (flags.get(name) != null) {
                parameters.put(name, flags.get(name));
            }
        }
        if (flags.get("serialization") != null) {
            parameters.put("prefer_serialization", flags.get("serialization"));
        }
        reference.setParameters(parameters);
        if (flags.get("url") != null) {
            reference.setUrl(flags.get("url"));
            reference.setRegistry(new RegistryConfig(RegistryConfig.NO_AVAILABLE));
        } else {
            reference.setRegistry(new RegistryConfig(flags.get("registry")));
        }
        if (!generic && flags.get("oneway") != null) {
            MethodConfig note = new MethodConfig();
            note.setName("note");
            note.setReturn(false);
            note.setSent(false);
            reference.setMethods(new ArrayList<>(List.of(note)));
        }
        return reference;
    }
}

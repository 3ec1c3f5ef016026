package mecha.peers;

import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/** Serves {@link Echo} until it is ended by a signal. */
final class Provider {
    /** Above Dubbo's own 8 MiB, so that a scenario finds the proxy's limit and not this one. */
    static final int PAYLOAD = 64 << 20;

    private Provider() {}

    static void run(Flags flags) {
        ProtocolConfig protocol = new ProtocolConfig(flags.get("protocol", "dubbo"), flags.number("port", 20880));
        protocol.setPayload(flags.number("payload", PAYLOAD));
        RegistryConfig registry = new RegistryConfig(flags.get("registry", RegistryConfig.NO_AVAILABLE));
        if (flags.get("threads") != null) {
            protocol.setThreads(flags.number("threads", 200));
            protocol.setThreadpool("fixed");
            protocol.setQueues(0);
        }
        if (flags.get("serialization") != null) {
            protocol.setSerialization(flags.get("serialization"));
        }
        if (flags.get("heartbeat") != null) {
            protocol.setHeartbeat(flags.number("heartbeat", 60_000));
        }
        ServiceConfig<Echo> service = new ServiceConfig<>();
        service.setInterface(Echo.class);
        service.setRef(new EchoService(flags.get("id", "provider")));
        service.setGroup(flags.get("group"));
        service.setVersion(flags.get("version"));
        DubboBootstrap.getInstance().application("mecha-peer").registry(registry).protocol(protocol).service(service).start();
        Main.tell(Main.object("event", "ready", "id", flags.get("id", "provider"), "port", protocol.getPort(), "protocol", protocol.getName()));
        DubboBootstrap.getInstance().await();
    }
}

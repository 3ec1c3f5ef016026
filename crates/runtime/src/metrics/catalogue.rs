//! Every metric of the runtime: field, name, help, kind and labels. A new one is a line here and a method in the file
//! above.

use std::sync::Arc;

use mecha_config::runtime::settings::Metrics as Settings;

use super::family::{Family, Kind};

/// Upper bounds of latencies in milliseconds, unless the settings give others (reference 3.8).
const LATENCIES: [f64; 34] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 30.0, 40.0, 50.0, 65.0, 80.0, 100.0,
    130.0, 160.0, 200.0, 250.0, 300.0, 400.0, 500.0, 650.0, 800.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5,
];
/// Upper bounds of sizes in bytes.
const SIZES: [f64; 13] = [
    1024.0,
    2048.0,
    4096.0,
    16384.0,
    65536.0,
    262144.0,
    1048576.0,
    4194304.0,
    16777216.0,
    67108864.0,
    268435456.0,
    1073741824.0,
    4294967296.0,
];

macro_rules! catalogue {
    ($($field:ident, $name:literal, $help:literal, $kind:ident [$($label:literal),*];)*) => {
        /// Every metric.
        #[derive(Debug)]
        pub(super) struct Catalogue {
            $(pub(super) $field: Family,)*
        }

        impl Catalogue {
            pub(super) fn new(app_id: &Arc<str>, settings: &Settings) -> Self {
                let kinds = Kinds::new(settings);
                Catalogue {
                    $($field: Family::new($name, $help, kinds.$kind.clone(), &[$($label),*], app_id, &settings.rules),)*
                }
            }

            /// Writes those that have values, in Prometheus' text form.
            pub(super) fn write(&self, out: &mut String) {
                $(self.$field.write(out);)*
            }
        }
    };
}

struct Kinds {
    counter: Kind,
    gauge: Kind,
    latency: Kind,
    size: Kind,
}

impl Kinds {
    fn new(settings: &Settings) -> Self {
        let given = &settings.latency_buckets;
        let latencies: Arc<[f64]> = if given.is_empty() { LATENCIES.into() } else { given.as_slice().into() };
        Kinds {
            counter: Kind::Counter,
            gauge: Kind::Gauge,
            latency: Kind::Histogram(latencies),
            size: Kind::Histogram(SIZES.into()),
        }
    }
}

catalogue! {
    state_count, "component_state_count", "The number of operations on state stores.",
        counter ["component", "namespace", "operation", "success"];
    state_latency, "component_state_latencies", "How long operations on state stores took, in milliseconds.",
        latency ["component", "namespace", "operation", "success"];
    secret_count, "component_secret_count", "The number of operations on secret stores.",
        counter ["component", "namespace", "operation", "success"];
    secret_latency, "component_secret_latencies", "How long operations on secret stores took, in milliseconds.",
        latency ["component", "namespace", "operation", "success"];
    ingress_count, "component_pubsub_ingress_count", "Messages that came from brokers.",
        counter ["component", "namespace", "process_status", "status", "topic"];
    ingress_latency, "component_pubsub_ingress_latencies", "How long the application took for a message, in milliseconds.",
        latency ["component", "namespace", "process_status", "status", "topic"];
    ingress_bulk_count, "component_pubsub_ingress_bulk_count", "Deliveries of several messages at once.",
        counter ["component", "namespace", "process_status", "topic"];
    ingress_bulk_events, "component_pubsub_ingress_bulk_event_count", "Messages that were delivered several at once.",
        counter ["component", "namespace", "process_status", "topic"];
    ingress_bulk_latency, "component_pubsub_ingress_bulk_latencies", "How long the application took for several messages, in milliseconds.",
        latency ["component", "namespace", "process_status", "topic"];
    egress_count, "component_pubsub_egress_count", "Messages that were published.",
        counter ["component", "namespace", "success", "topic"];
    egress_latency, "component_pubsub_egress_latencies", "How long brokers took for a message, in milliseconds.",
        latency ["component", "namespace", "success", "topic"];
    egress_bulk_count, "component_pubsub_egress_bulk_count", "Calls that published several messages.",
        counter ["component", "namespace", "success", "topic"];
    egress_bulk_events, "component_pubsub_egress_bulk_event_count", "Messages that were published several at once.",
        counter ["component", "namespace", "success", "topic"];
    egress_bulk_latency, "component_pubsub_egress_bulk_latencies", "How long brokers took for several messages, in milliseconds.",
        latency ["component", "namespace", "success", "topic"];
    http_request_count, "http_server_request_count", "Requests of the HTTP API.",
        counter ["method", "path", "status"];
    http_response_count, "http_server_response_count", "Responses of the HTTP API.",
        counter ["method", "path", "status"];
    http_latency, "http_server_latency", "How long the HTTP API took, in milliseconds.",
        latency ["method", "path", "status"];
    http_request_bytes, "http_server_request_bytes", "Sizes of request bodies of the HTTP API.",
        size [];
    http_response_bytes, "http_server_response_bytes", "Sizes of response bodies of the HTTP API.",
        size [];
    http_client_completed, "http_client_completed_count", "Calls to the application by HTTP.",
        counter ["method", "path", "status"];
    http_client_latency, "http_client_roundtrip_latency", "How long the application took, in milliseconds.",
        latency ["method", "path", "status"];
    grpc_completed, "grpc_io_server_completed_rpcs", "Calls of the gRPC API.",
        counter ["grpc_server_method", "grpc_server_status"];
    grpc_latency, "grpc_io_server_server_latency", "How long the gRPC API took, in milliseconds.",
        latency ["grpc_server_method", "grpc_server_status"];
    invoke_sent, "runtime_service_invocation_req_sent_total", "Invocations of other applications.",
        counter ["dst_app_id", "type"];
    invoke_received, "runtime_service_invocation_req_recv_total", "Invocations of the own application.",
        counter ["src_app_id", "type"];
    invoke_answered, "runtime_service_invocation_res_recv_total", "Answers to invocations of other applications.",
        counter ["src_app_id", "status", "type"];
    invoke_latency, "runtime_service_invocation_res_recv_latency_ms", "How long invocations of other applications took, in milliseconds.",
        latency ["src_app_id", "status"];
    components_loaded, "runtime_component_loaded", "Components that are loaded.",
        gauge ["namespace"];
    component_init, "runtime_component_init_total", "Components that were initialised.",
        counter ["namespace"];
    component_init_failed, "runtime_component_init_fail_total", "Initialisations of components that failed.",
        counter ["component", "component_name", "namespace", "reason"];
    resiliency_loaded, "resiliency_loaded", "Resiliency resources in use.",
        counter ["name", "namespace"];
    resiliency_count, "resiliency_count", "Calls that ran under a policy.",
        counter ["name", "policy", "namespace", "flow_direction", "target", "status"];
    resiliency_activations, "resiliency_activations_total", "How often a policy did something.",
        counter ["name", "policy", "namespace", "flow_direction", "target", "status"];
    breaker_state, "resiliency_cb_state", "1 for the state that a circuit breaker is in, 0 for the others.",
        gauge ["name", "policy", "namespace", "flow_direction", "target", "status"];
    error_codes, "error_code_total", "Errors that the APIs answered.",
        counter ["category", "error_code"];
}

/// The group that a code of the catalogue belongs to (reference 1.3).
pub(super) fn category(code: &str) -> &'static str {
    const GROUPS: [(&str, &str); 14] = [
        ("ERR_STATE", "state"),
        ("ERR_NOT_SUPPORTED_STATE", "state"),
        ("ERR_PUBSUB", "pubsub"),
        ("ERR_TOPIC", "pubsub"),
        ("ERR_PUBLISH", "pubsub"),
        ("ERR_SECRET", "secret"),
        ("ERR_PERMISSION", "secret"),
        ("ERR_DIRECT_INVOKE", "service-invocation"),
        ("ERR_ACTOR", "actor"),
        ("ERR_CONFIGURATION", "configuration"),
        ("ERR_CRYPTO", "crypto"),
        ("ERR_HEALTH", "health"),
        ("ERR_OUTBOUND_HEALTH", "health"),
        ("ERR_INVOKE_OUTPUT_BINDING", "binding"),
    ];
    GROUPS.iter().find(|(prefix, _)| code.starts_with(prefix)).map_or("common", |(_, group)| group)
}

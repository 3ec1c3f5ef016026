//! The `proxy` filter and its limits (reference 1.5). `extend_config` holds an object per protocol, or the
//! settings themselves when one protocol is named (the older form).

use std::time::Duration;

use mecha_config::proxy::{Http1Options, Http2Options, RpcOptions};
use mecha_config::{HttpProxy, Protocol, Protocols};
use mecha_document::Object;

use super::{protocol, rpc};

/// `stream_idle_timeout` when it is absent: as Envoy has it.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Largest flow-control window (RFC 9113 section 6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// The filter.
pub(super) fn http_proxy(fields: &Object<'_>) -> HttpProxy {
    // Names, and the size of a worker pool that is not needed here.
    fields.accept(&["name", "router_handler_name", "validate_clusters", "concurrency_num"]);
    let extend = fields.object("extend_config");
    let downstream = downstream(fields, extend.as_ref());
    upstream_protocol(fields);
    if fields.text("router_config_name").is_none() {
        fields.node().error_with("this proxy has no routes", "set \"router_config_name\"");
    }
    let (mut http1, mut http2) = (Http1Options::default(), Http2Options::default());
    let rpc = match &extend {
        Some(extend) => {
            options(extend, &downstream, &mut http1, &mut http2);
            rpc::options(extend, &downstream)
        }
        None => RpcOptions::default(),
    };
    HttpProxy {
        router: fields.text("router_config_name").unwrap_or_default().to_owned(),
        fallback: fields.flag("fallback_for_unknown_protocol"),
        stream_idle_timeout: match fields.duration("stream_idle_timeout") {
            Some(Duration::ZERO) => None,
            given => Some(given.unwrap_or(STREAM_IDLE_TIMEOUT)),
        },
        downstream,
        http1,
        http2,
        rpc,
    }
}

/// What clients speak. The old `X` says it in `extend_config.sub_protocol`.
fn downstream(fields: &Object<'_>, extend: Option<&Object<'_>>) -> Protocols {
    let sub = extend.and_then(|extend| extend.text_at("sub_protocol"));
    match (fields.text_at("downstream_protocol"), sub) {
        (Some((_, "X")), Some((node, sub))) => protocol::downstream(node, sub),
        (Some((node, "X")), None) => {
            node.error_with(
                "the protocol \"X\" says nothing without a \"sub_protocol\" in \"extend_config\"",
                format!("name the protocol itself; available are {}", protocol::known()),
            );
            Protocols::Detect(Protocol::ALL.to_vec())
        }
        (Some((node, text)), _) => protocol::downstream(node, text),
        (None, _) => {
            fields.node().error_with("this proxy has no protocol", "set \"downstream_protocol\": \"Auto\"");
            Protocols::Detect(Protocol::ALL.to_vec())
        }
    }
}

/// MOSN reads this key and does nothing with it (reference 1.5); worth a word when something else was meant.
fn upstream_protocol(fields: &Object<'_>) {
    let Some((node, upstream)) = fields.text_at("upstream_protocol") else { return };
    if fields.text("downstream_protocol") != Some(upstream) && !matches!(upstream, "Auto" | "X") {
        node.warn_with(
            "\"upstream_protocol\" of a proxy has no effect, as in MOSN",
            "set \"upstream_protocol\" in the \"route\"",
        );
    }
}

fn options(extend: &Object<'_>, downstream: &Protocols, http1: &mut Http1Options, http2: &mut Http2Options) {
    // The flat ones that need nothing here.
    extend.accept(&["sub_protocol", "http2_use_stream"]);
    let (one, two) = (extend.object("Http1"), extend.object("Http2"));
    let flat = one.is_none() && two.is_none();
    if let Some(fields) = &one {
        read_http1(fields, http1);
    }
    if let Some(fields) = &two {
        read_http2(fields, http2);
    }
    match downstream {
        Protocols::One(Protocol::Http1) if flat => read_http1(extend, http1),
        Protocols::One(Protocol::Http2) if flat => read_http2(extend, http2),
        _ => {}
    }
}

fn read_http1(fields: &Object<'_>, out: &mut Http1Options) {
    let some_size = |size: &mut usize, key| {
        if let Some(given) = fields.size(key).filter(|given| *given > 0) {
            *size = given;
        }
    };
    some_size(&mut out.max_header_bytes, "max_header_size");
    some_size(&mut out.max_header_count, "max_header_count");
    some_size(&mut out.max_start_line, "max_start_line_size");
    let body = fields.get("max_request_body_size").and_then(|node| node.whole(0, i64::MAX as u64));
    out.max_request_body = body.filter(|limit| *limit > 0);
    some_time(fields, "request_headers_timeout", &mut out.header_timeout);
    some_time(fields, "request_body_timeout", &mut out.body_timeout);
}

fn read_http2(fields: &Object<'_>, out: &mut Http2Options) {
    // Bodies always stream here.
    fields.accept(&["http2_use_stream"]);
    let number = |out: &mut u32, key, least, most| {
        if let Some(given) = fields.get(key).and_then(|node| node.whole(least, most)) {
            *out = given;
        }
    };
    number(&mut out.max_concurrent_streams, "max_concurrent_streams", 1, MAX_WINDOW);
    number(&mut out.stream_window, "initial_stream_window_size", 1, MAX_WINDOW);
    // A connection begins with 64 KiB less one byte and can only be given more (RFC 9113 section 6.9.2).
    number(&mut out.connection_window, "initial_connection_window_size", 65_535, MAX_WINDOW);
    number(&mut out.max_header_bytes, "max_header_list_size", 1, MAX_WINDOW);
    if let Some(resets) = fields.size("max_pending_resets") {
        out.max_pending_resets = resets;
    }
}

/// Zero switches a timeout off.
fn some_time(fields: &Object<'_>, key: &'static str, out: &mut Option<Duration>) {
    if let Some(given) = fields.duration(key) {
        *out = Some(given).filter(|given| !given.is_zero());
    }
}

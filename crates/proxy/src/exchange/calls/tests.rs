//! Which calls are counted, under which name, and what counts as success.

use std::time::Duration;

use bytes::Bytes;
use mecha_codec::http1::Span;
use mecha_codec::rpc::{Envelope, Protocol};
use mecha_http::{Method, Version};

use super::*;

const BOTH: Counts = Counts { rpc: true, grpc: true };

/// A request with these fields; of a protocol of its own when it is a kind of frame.
fn head(frame: Option<Kind>, target: &str, fields: &[(&str, &str)]) -> RequestHead {
    let envelope = |kind| Envelope {
        raw: Bytes::new(),
        id: 1,
        payload: Span::default(),
        fields_at: Span::default(),
        timeout: Duration::ZERO,
        status: 200,
        code: 0,
        protocol: Protocol::Bolt,
        kind,
        serialization: 1,
    };
    RequestHead {
        version: Version::Http2,
        method: Method::POST,
        authority: "a".into(),
        target: target.into(),
        headers: headers(fields),
        rpc: frame.map(envelope),
    }
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    headers
}

fn message(service: &str, method: &str) -> RequestHead {
    head(Some(Kind::Request), "/", &[("service", service), ("method", method)])
}

fn grpc() -> RequestHead {
    head(None, "/shop.Orders/List", &[("content-type", "application/grpc")])
}

struct Counter {
    registry: Arc<Registry>,
    calls: Calls,
}

impl Counter {
    fn new(counts: Counts) -> Self {
        let registry = Registry::new(1);
        Counter { calls: Calls::new(counts, &registry, 0), registry }
    }

    fn begin(&self, head: &RequestHead) -> Option<Counted> {
        self.calls.begin(&self.registry, 0, "l", head)
    }

    /// Requests, successes and failures of a method.
    fn counted(&self, kind: CallKind, service: &str, method: &str) -> [u64; 3] {
        let scope = self.registry.call(kind, "l", service.as_bytes(), method.as_bytes()).unwrap();
        [CallStat::RequestTotal, CallStat::ResponseSuccTotal, CallStat::ResponseFailTotal]
            .map(|stat| scope.value(stat))
    }
}

#[test]
fn messages_are_counted_by_service_and_method() {
    let counter = Counter::new(BOTH);
    for (status, failed) in [(200, false), (200, true), (500, false), (0, true)] {
        counter.begin(&message("a.B", "c")).unwrap().finish(status, failed);
    }
    counter.begin(&message("a.B", "d")).unwrap().finish(200, false);
    assert_eq!(counter.counted(CallKind::Rpc, "a.B", "c"), [4, 1, 3]);
    assert_eq!(counter.counted(CallKind::Rpc, "a.B", "d"), [1, 1, 0]);
    // Nobody answers a one-way message.
    let one_way = head(Some(Kind::OneWay), "/", &[("service", "a.B"), ("method", "e")]);
    counter.begin(&one_way).unwrap().finish(0, false);
    assert_eq!(counter.counted(CallKind::Rpc, "a.B", "e"), [1, 1, 0]);
}

#[test]
fn a_grpc_call_went_well_when_its_status_says_so() {
    let counter = Counter::new(BOTH);
    let ends: [&[(&str, &str)]; 4] =
        [&[("grpc-status", "0")], &[("grpc-status", "5")], &[], &[("grpc-status", "x")]];
    for end in ends {
        let mut call = counter.begin(&grpc()).unwrap();
        call.fields(&headers(&[("content-type", "application/grpc")]));
        call.fields(&headers(end));
        call.finish(200, false);
    }
    assert_eq!(counter.counted(CallKind::Grpc, "shop.Orders", "List"), [4, 1, 3]);
    // Triple's unary calls are plain HTTP.
    let triple = head(None, "/shop.Orders/Get", &[("tri-service-version", "1.0")]);
    counter.begin(&triple).unwrap().finish(200, false);
    counter.begin(&triple).unwrap().finish(500, false);
    assert_eq!(counter.counted(CallKind::Grpc, "shop.Orders", "Get"), [2, 1, 1]);
}

#[test]
fn only_what_the_filters_ask_for_is_counted() {
    let plain = head(None, "/shop.Orders/List", &[("content-type", "application/json")]);
    let nameless = head(Some(Kind::Request), "/", &[]);
    for (filters, expected) in [
        (&[][..], [false, false]),
        (&[StreamFilter::DubboStream], [true, false]),
        (&[StreamFilter::GrpcMetric], [false, true]),
        (&[StreamFilter::GrpcMetric, StreamFilter::DubboStream], [true, true]),
    ] {
        let counter = Counter::new(Counts::of(filters));
        let found = [message("a.B", "c"), grpc()].map(|head| counter.begin(&head).is_some());
        assert_eq!(found, expected, "{filters:?}");
        assert_eq!(counter.calls.is_off(), filters.is_empty());
        assert!(counter.begin(&plain).is_none() && counter.begin(&nameless).is_none());
    }
}

#[test]
fn the_names_of_a_hostile_client_fill_no_memory() {
    let counter = Counter::new(BOTH);
    counter.begin(&message(&"a".repeat(MAX_CALL_NAME + 1), "c")).unwrap().finish(200, false);
    for n in 0..mecha_metrics::MAX_CALLS + 5 {
        counter.begin(&message("a.B", &format!("m{n}"))).unwrap().finish(200, false);
    }
    let overflow = counter.registry.call_overflow(CallKind::Rpc);
    assert_eq!(overflow.value(CallStat::RequestTotal), 6);
    assert_eq!(counter.counted(CallKind::Rpc, "a.B", "m0"), [1, 1, 0], "those that were there stay");
    let kept = counter.calls.rpc.as_ref().unwrap().known.borrow().unwrap().shards.len();
    assert_eq!(kept, mecha_metrics::MAX_CALLS);
}

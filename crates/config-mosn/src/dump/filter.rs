//! Stream filters, of listeners and as settings for one place (reference 1.6).

use mecha_base::duration;
use mecha_config::StreamFilter;
use mecha_config::filter::{Conversion, Fault, Transcoder, TranscoderRule};
use serde_json::{Map, Value, json};

use super::put;
use super::router::header_match;

/// `stream_filters`; nothing when there are none.
pub(super) fn list(filters: &[StreamFilter]) -> Option<Value> {
    let one = |filter: &StreamFilter| json!({ "type": filter.name(), "config": settings(filter) });
    (!filters.is_empty()).then(|| filters.iter().map(one).collect())
}

/// `per_filter_config`; nothing when there is none.
pub(super) fn per_place(filters: &[StreamFilter]) -> Option<Value> {
    let one = |filter: &StreamFilter| (filter.name().to_owned(), settings(filter));
    (!filters.is_empty()).then(|| Value::Object(filters.iter().map(one).collect()))
}

fn settings(filter: &StreamFilter) -> Value {
    match filter {
        StreamFilter::Fault(fault) => self::fault(fault),
        StreamFilter::Transcoder(transcoder) => self::transcoder(transcoder),
        StreamFilter::DubboStream | StreamFilter::GrpcMetric => json!({}),
    }
}

fn fault(fault: &Fault) -> Value {
    let mut out = Map::new();
    let delay = fault
        .delay
        .map(|delay| json!({ "percentage": delay.percentage, "fixed_delay": duration::to_text(delay.time) }));
    put(&mut out, "delay", delay);
    let abort = fault.abort.map(|abort| json!({ "percentage": abort.percentage, "status": abort.status }));
    put(&mut out, "abort", abort);
    put(&mut out, "upstream_cluster", fault.upstream_cluster.as_deref());
    let headers: Vec<Value> = fault.headers.iter().map(header_match).collect();
    put(&mut out, "headers", Some(headers).filter(|headers| !headers.is_empty()));
    Value::Object(out)
}

fn transcoder(transcoder: &Transcoder) -> Value {
    json!({ "rules": transcoder.rules.iter().map(rule).collect::<Vec<_>>() })
}

fn rule(rule: &TranscoderRule) -> Value {
    let headers: Vec<Value> = rule.headers.iter().map(header_match).collect();
    let mut matcher = Map::new();
    matcher.insert("matcher_type".to_owned(), "simpleMatcher".into());
    match &*headers {
        [] => {}
        [only] => put(&mut matcher, "config", Some(only.clone())),
        several => put(&mut matcher, "config", Some(json!({ "headers": several }))),
    }
    let mut info = Map::new();
    info.insert("upstream_protocol".to_owned(), rule.protocol.name().into());
    let conversion = conversion(&rule.conversion);
    put(&mut info, "config", Some(conversion).filter(|settings| !settings.is_empty()));
    json!({ "matcher_config": matcher, "rule_info": info })
}

fn conversion(conversion: &Conversion) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, "service", conversion.service.as_deref());
    put(&mut out, "method", conversion.method.as_deref());
    put(&mut out, "version", conversion.version.as_deref());
    put(&mut out, "group", conversion.group.as_deref());
    put(&mut out, "types", conversion.types.clone());
    put(&mut out, "opaque", conversion.opaque.then_some(true));
    put(&mut out, "class", conversion.class.as_deref());
    out
}

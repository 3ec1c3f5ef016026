//! Stream filters, of listeners and as settings for one place (reference 1.6).

use mecha_base::duration;
use mecha_config::StreamFilter;
use mecha_config::filter::Fault;
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

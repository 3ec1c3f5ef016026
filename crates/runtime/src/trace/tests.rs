//! What is read and what is ignored, who stays in the caller's trace, and the sampler's name.

use serde_json::json;

use super::*;
use crate::testing::{self, Log};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-";

fn sampler(rate: Option<f64>) -> Sampler {
    Sampler::new(&Tracing { sampling_rate: rate, ..Tracing::default() })
}

fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

/// The parent of [`PARENT`] as older gRPC libraries send it.
fn binary() -> Vec<u8> {
    let SpanContext { trace, span, .. } = SpanContext::parse(PARENT).unwrap();
    [&[0, 0][..], &trace.to_be_bytes(), &[1], &span.to_be_bytes(), &[2, 1]].concat()
}

#[test]
fn a_readable_parent_is_read_and_shown_as_it_was() {
    assert_eq!(SpanContext::parse(PARENT).unwrap().to_string(), PARENT);
    let later = PARENT.replacen("00", "01", 1) + "-more";
    assert_eq!(SpanContext::parse(&later).unwrap().to_string(), PARENT, "versions to come may add fields");
}

#[test]
fn what_the_recommendation_has_readers_ignore_is_no_parent() {
    for parent in [
        "",
        "00-0-0-00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    ] {
        assert_eq!(SpanContext::parse(parent), None, "{parent}");
    }
}

#[test]
fn a_call_stays_in_the_trace_of_its_caller_as_a_step_of_its_own() {
    let mut headers = fields(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=b"), ("baggage", "c=d")]);
    let value = sampler(None).enter(&mut headers).unwrap();
    assert_eq!(headers[TRACEPARENT], value);
    assert!(text(&headers, TRACEPARENT).starts_with(TRACE) && text(&headers, TRACEPARENT).ends_with("-01"));
    assert_ne!(value, PARENT);
    assert_eq!((text(&headers, TRACESTATE), text(&headers, "baggage")), ("a=b", "c=d"));
}

#[test]
fn what_the_caller_does_not_sample_is_not_sampled_here() {
    let parent = PARENT.replace("-01", "-00");
    let mut headers = fields(&[(TRACEPARENT, &parent)]);
    assert!(sampler(Some(1.0)).enter(&mut headers).unwrap().to_str().unwrap().ends_with("-00"));
}

#[test]
fn a_call_without_a_readable_parent_begins_a_trace() {
    for parent in ["00-0-0-00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
        for begin in [|it: Sampler, h: &mut HeaderMap| drop(it.enter(h)), Sampler::ensure] {
            let mut headers = fields(&[(TRACEPARENT, parent), (TRACESTATE, "a=b")]);
            begin(sampler(Some(1.0)), &mut headers);
            let value = text(&headers, TRACEPARENT);
            assert!(SpanContext::parse(value).unwrap().sampled && !value.starts_with(TRACE), "{value}");
            assert!(!headers.contains_key(TRACESTATE), "it means nothing without its parent");
        }
    }
}

#[test]
fn a_call_that_is_passed_on_keeps_its_parent() {
    let mut headers = fields(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=b")]);
    sampler(Some(1.0)).ensure(&mut headers);
    assert_eq!((text(&headers, TRACEPARENT), text(&headers, TRACESTATE)), (PARENT, "a=b"));
}

#[test]
fn the_binary_form_is_read_when_there_is_no_other() {
    let bytes = binary();
    for length in 0..26 {
        assert_eq!(SpanContext::from_binary(&bytes[..length]), None, "cut short at {length}");
    }
    let encoded = BASE64.encode(&bytes);
    for value in [encoded.as_str(), encoded.trim_end_matches('=')] {
        let mut headers = fields(&[(BINARY, value), (TRACESTATE, "a=b")]);
        assert_eq!(Trace::of(&headers), Trace { parent: PARENT.to_owned(), state: "a=b".to_owned() });
        sampler(None).ensure(&mut headers);
        assert_eq!(text(&headers, TRACEPARENT), PARENT);
    }
    let headers = fields(&[(TRACEPARENT, "00-a-b-00"), (BINARY, &encoded), (TRACESTATE, "a=b")]);
    assert_eq!(Trace::of(&headers), Trace::default());
}

#[test]
fn an_event_names_its_trace_by_the_old_field_too() {
    let of = |event: Value| Trace::of_event(event.as_object().unwrap());
    let old = of(json!({ "traceid": PARENT, "tracestate": "a=b" }));
    assert_eq!(old, Trace { parent: PARENT.to_owned(), state: "a=b".to_owned() });
    assert_eq!(of(json!({ "traceid": "old", "traceparent": PARENT })).parent, PARENT);
    let mut headers = HeaderMap::new();
    of(json!({ "traceparent": "", "traceid": null })).write(&mut headers);
    assert!(headers.is_empty());
    old.write(&mut headers);
    assert_eq!((text(&headers, TRACEPARENT), text(&headers, TRACESTATE)), (PARENT, "a=b"));
}

#[test]
fn a_message_without_a_trace_gets_one() {
    let filled = Trace::default().filled(sampler(Some(1.0)));
    assert!(SpanContext::parse(&filled.parent).unwrap().sampled);
    let own = Trace { parent: PARENT.into(), state: String::new() };
    assert_eq!(own.clone().filled(sampler(None)), own);
}

#[test]
fn the_rate_is_a_share_of_ids() {
    let half = sampler(Some(0.5));
    assert!(half.samples((1 << 63) - 1) && !half.samples(1 << 63));
    assert!(sampler(Some(1.0)).samples(u128::MAX));
    assert!(sampler(Some(0.0)).is_off() && !sampler(None).is_off() && !sampler(Some(0.0)).samples(1));
}

#[test]
fn the_sampler_is_named_as_the_reference_names_it() {
    let rest = ",remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,\
                localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}";
    for (rate, root) in [
        (Some(1.0), "AlwaysOnSampler"),
        (Some(0.0), "TraceIDRatioBased{0}"),
        (Some(0.25), "TraceIDRatioBased{0.25}"),
        (None, "TraceIDRatioBased{0.0001}"),
    ] {
        assert_eq!(sampler(rate).to_string(), format!("ParentBased{{root:{root}{rest}"));
    }
}

#[tokio::test]
async fn a_runtime_says_first_what_it_samples() {
    let log = Log::capture();
    let mut config = testing::config();
    config.settings.tracing.sampling_rate = Some(0.0);
    testing::runtime_of(config, Default::default()).begin().await.unwrap();
    let first = log.lines().swap_remove(0);
    assert!(
        first.contains("Dapr trace sampler initialized: ParentBased{root:TraceIDRatioBased{0},"),
        "{first}"
    );
}

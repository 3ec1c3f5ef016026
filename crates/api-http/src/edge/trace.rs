//! W3C trace context: a call belongs to the trace of its caller or begins one, and everything it causes is told so by
//! `traceparent`. `tracestate` and `baggage` pass unchanged.

use http::HeaderMap;
use http::header::HeaderValue;
use mecha_config::runtime::settings::Tracing;

/// The header of the W3C recommendation.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// What vendors add to it.
pub(crate) const TRACESTATE: &str = "tracestate";
/// What is sampled when the Configuration does not say.
const DEFAULT_RATE: f64 = 0.0001;

/// Decides which traces are sampled.
#[derive(Clone, Copy)]
pub(crate) struct Sampler {
    /// Traces whose number is below are sampled.
    bound: u64,
}

/// A span of ours.
struct Span {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl Sampler {
    /// `None` when tracing is off (rate 0).
    pub(crate) fn new(tracing: &Tracing) -> Option<Self> {
        let rate = tracing.sampling_rate.unwrap_or(DEFAULT_RATE);
        if rate <= 0.0 {
            return None;
        }
        // OpenTelemetry's TraceIdRatioBased: 63 bits of the trace id against the rate.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 < rate <= 1")]
        let bound = (rate.min(1.0) * (1_u64 << 63) as f64) as u64;
        Some(Sampler { bound })
    }

    /// Makes the call a span of its own: `traceparent` of the request is the one that calls it causes get. Returns it for
    /// the answer.
    pub(crate) fn enter(self, headers: &mut HeaderMap) -> Option<HeaderValue> {
        let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
        if parent.is_none() {
            // Without its parent it means nothing.
            headers.remove(TRACESTATE);
        }
        let span = self.child(parent);
        let Span { trace, span, sampled } = span;
        let value =
            HeaderValue::try_from(format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(sampled))).ok()?;
        headers.insert(TRACEPARENT, value.clone());
        Some(value)
    }

    fn child(self, parent: Option<Span>) -> Span {
        let (trace, parent_sampled) = match parent {
            Some(parent) => (parent.trace, parent.sampled),
            None => (fastrand::u128(1..), false),
        };
        let number = (trace & u128::from(u64::MAX)) as u64 >> 1;
        Span { trace, span: fastrand::u64(1..), sampled: parent_sampled || number < self.bound }
    }
}

/// `version-trace-span-flags`; versions to come may add fields.
fn parse(text: &str) -> Option<Span> {
    let mut fields = text.trim().split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_hex = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(version, 2) || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    if version == "ff" || (version == "00" && fields.next().is_some()) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok()?;
    let span = u64::from_str_radix(span, 16).ok()?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (trace != 0 && span != 0).then_some(Span { trace, span, sampled: flags & 1 == 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(rate: Option<f64>, parent: Option<&str>) -> (HeaderMap, String) {
        let sampler = Sampler::new(&Tracing { sampling_rate: rate, ..Tracing::default() }).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(TRACESTATE, HeaderValue::from_static("a=b"));
        if let Some(parent) = parent {
            headers.insert(TRACEPARENT, parent.parse().unwrap());
        }
        let value = sampler.enter(&mut headers).unwrap();
        assert_eq!(headers[TRACEPARENT], value);
        (headers, value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_call_stays_in_the_trace_of_its_caller() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (headers, value) = enter(None, Some(parent));
        assert!(value.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{value}");
        assert!(value.ends_with("-01"), "{value}");
        assert_ne!(value, parent);
        assert_eq!(headers[TRACESTATE], "a=b");
    }

    #[test]
    fn a_call_without_a_readable_parent_begins_a_trace() {
        for parent in
            [None, Some("00-0-0-00"), Some("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
        {
            let (headers, value) = enter(Some(1.0), parent);
            assert!(parse(&value).unwrap().sampled);
            assert!(!value.contains("0af7651916cd43dd8448eb211c80319c"));
            assert!(!headers.contains_key(TRACESTATE));
        }
    }

    #[test]
    fn a_rate_of_nothing_turns_tracing_off() {
        assert!(Sampler::new(&Tracing { sampling_rate: Some(0.0), ..Tracing::default() }).is_none());
    }
}

//! W3C trace context (reference 3.8): where a call belongs, read from its `traceparent` or from the binary form that gRPC
//! libraries had before it, and where a new trace begins. Both APIs, invocation and publishing come here, so that what
//! one of them begins the others go on with. `baggage` passes as it is, like any field that nobody reads.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::HeaderValue;
use mecha_config::runtime::settings::Tracing;
use serde_json::{Map, Value};

use crate::runtime::Runtime;

/// The field of the W3C recommendation: trace, calling span, whether it is sampled.
pub const TRACEPARENT: &str = "traceparent";
/// What vendors add to it; without its parent it means nothing.
pub const TRACESTATE: &str = "tracestate";
/// The field of an event that older senders write instead.
pub(crate) const TRACE_ID: &str = "traceid";
/// What gRPC libraries send that do not know the recommendation.
const BINARY: &str = "grpc-trace-bin";
/// The share of traces that is sampled when the Configuration does not say.
const DEFAULT_RATE: f64 = 0.0001;
/// Values of binary metadata come with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One step of a trace. Shows itself as the value of `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanContext {
    trace: u128,
    span: u64,
    sampled: bool,
}

/// Decides which traces are sampled: callers have decided for theirs, others by a share of their ids. Shows itself by the
/// name that the reference logs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// From 0 to 1.
    rate: f64,
}

/// Where a message belongs, as fields of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// `traceparent`; empty = none.
    pub parent: String,
    /// `tracestate`; may be empty.
    pub state: String,
}

impl SpanContext {
    /// `version-trace-span-flags`; versions to come may add fields. `None` for what the recommendation has readers ignore.
    pub fn parse(text: &str) -> Option<Self> {
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
        Self::checked(trace, span, flags)
    }

    /// The binary form: a version (0), then fields, each a number and so many bytes as that field has.
    pub fn from_binary(bytes: &[u8]) -> Option<Self> {
        let (trace, rest) = bytes.strip_prefix(&[0, 0])?.split_first_chunk()?;
        let (span, rest) = rest.strip_prefix(&[1])?.split_first_chunk()?;
        let flags = rest.strip_prefix(&[2]).and_then(|rest| rest.first()).copied().unwrap_or_default();
        Self::checked(u128::from_be_bytes(*trace), u64::from_be_bytes(*span), flags)
    }

    /// What a call's fields say; the binary form when there is no other.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        if let Some(value) = headers.get(TRACEPARENT) {
            return Self::parse(value.to_str().ok()?);
        }
        Self::from_binary(&BASE64.decode(headers.get(BINARY)?).ok()?)
    }

    /// Ids of nothing but zeros are none.
    fn checked(trace: u128, span: u64, flags: u8) -> Option<Self> {
        (trace != 0 && span != 0).then_some(SpanContext { trace, span, sampled: flags & 1 == 1 })
    }

    fn value(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to_string()).ok()
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl Sampler {
    /// As the Configuration says.
    pub fn new(tracing: &Tracing) -> Self {
        Sampler { rate: tracing.sampling_rate.unwrap_or(DEFAULT_RATE).clamp(0.0, 1.0) }
    }

    /// Whether nothing is ever sampled: the APIs make no spans then.
    pub fn is_off(self) -> bool {
        self.rate <= 0.0
    }

    /// The first step of a new trace.
    pub fn root(self) -> SpanContext {
        let trace = fastrand::u128(1..);
        SpanContext { trace, span: fastrand::u64(1..), sampled: self.samples(trace) }
    }

    /// Makes a call a step of its own: what it causes gets the `traceparent` that its fields have from now on. Returns that
    /// for the answer.
    pub fn enter(self, headers: &mut HeaderMap) -> Option<HeaderValue> {
        let span = match SpanContext::of(headers) {
            Some(parent) => SpanContext { span: fastrand::u64(1..), ..parent },
            None => {
                headers.remove(TRACESTATE);
                self.root()
            }
        };
        let value = span.value()?;
        headers.insert(TRACEPARENT, value.clone());
        Some(value)
    }

    /// Makes sure that a call belongs to a trace: one of its own when it does not say.
    pub(crate) fn ensure(self, headers: &mut HeaderMap) {
        let parent = SpanContext::of(headers);
        if parent.is_some() && headers.contains_key(TRACEPARENT) {
            return;
        }
        if parent.is_none() {
            headers.remove(TRACESTATE);
        }
        if let Some(value) = parent.unwrap_or_else(|| self.root()).value() {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// OpenTelemetry's ratio: the lower 63 bits of the trace's id against the rate.
    fn samples(self, trace: u128) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= rate <= 1")]
        let bound = (self.rate * (1_u64 << 63) as f64) as u64;
        ((trace & u128::from(u64::MAX)) as u64 >> 1) < bound
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParentBased{root:")?;
        match self.rate {
            rate if rate >= 1.0 => f.write_str("AlwaysOnSampler")?,
            rate => write!(f, "TraceIDRatioBased{{{rate}}}")?,
        }
        for (parent, sampler) in [
            ("remoteParentSampled", "AlwaysOnSampler"),
            ("remoteParentNotSampled", "AlwaysOffSampler"),
            ("localParentSampled", "AlwaysOnSampler"),
            ("localParentNotSampled", "AlwaysOffSampler"),
        ] {
            write!(f, ",{parent}:{sampler}")?;
        }
        f.write_str("}")
    }
}

impl Runtime {
    /// Decides which of the traces that begin here are sampled.
    pub fn sampler(&self) -> Sampler {
        Sampler::new(&self.config().settings.tracing)
    }
}

impl Trace {
    /// What a call's fields say; empty when they name no trace.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(parent) = SpanContext::of(headers) else { return Trace::default() };
        let state = headers.get(TRACESTATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Trace { parent: parent.to_string(), state: state.to_owned() }
    }

    /// What an event says, in the sender's words.
    pub fn of_event(envelope: &Map<String, Value>) -> Self {
        let field = |name: &str| envelope.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let parent = field(TRACEPARENT).or_else(|| field(TRACE_ID)).unwrap_or_default();
        Trace { parent: parent.to_owned(), state: field(TRACESTATE).unwrap_or_default().to_owned() }
    }

    /// Adds what there is to a call.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [(TRACEPARENT, &self.parent), (TRACESTATE, &self.state)] {
            if !value.is_empty()
                && let Ok(value) = HeaderValue::try_from(value)
            {
                headers.insert(name, value);
            }
        }
    }

    /// With a parent in any case.
    pub(crate) fn filled(self, sampler: Sampler) -> Self {
        if !self.parent.is_empty() {
            return self;
        }
        Trace { parent: sampler.root().to_string(), state: self.state }
    }
}

#[cfg(test)]
mod tests;

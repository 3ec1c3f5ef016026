//! How long a request and each of its tries may take (reference 1.7 rule 9): the route says, headers of the
//! request, or the message of an RPC protocol, say otherwise.

use std::time::Duration;

use mecha_http::{HeaderId, RequestHead};

/// The global timeout when nobody states one.
pub const DEFAULT_GLOBAL: Duration = Duration::from_secs(60);

/// A stated timeout is no longer than this, so that adding it to a point in time cannot overflow.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The timeouts of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first try on, retries included.
    pub global: Duration,
    /// Whether somebody stated the global timeout: then it bounds the whole response. The default bounds only the time
    /// until the response head, so that long downloads and streams live.
    pub explicit: bool,
    /// How long one try may take until its response head; `None` = as long as the request.
    pub per_try: Option<Duration>,
}

impl Timeouts {
    /// The timeouts of a request on a route with these two values. Its fields `x-mosn-global-timeout` and
    /// `x-mosn-try-timeout` (milliseconds) win over the route, malformed ones and zero count as absent; how long the
    /// caller waits (`grpc-timeout`, or what the frame of an RPC protocol says) shortens what was stated. A try that could
    /// take as long as the whole request has no timeout of its own.
    pub fn resolve(route: Option<Duration>, route_try: Option<Duration>, head: &RequestHead) -> Timeouts {
        let millis = |id| head.headers.get_id(id).and_then(parse_millis);
        let stated = millis(HeaderId::MosnGlobalTimeout).or(route).filter(|timeout| !timeout.is_zero());
        let waits = match &head.rpc {
            Some(frame) => Some(frame.timeout).filter(|timeout| !timeout.is_zero()),
            None => head.headers.get_id(HeaderId::GrpcTimeout).and_then(parse_grpc),
        };
        let stated = match (stated, waits) {
            (Some(stated), Some(waits)) => Some(stated.min(waits)),
            (stated, waits) => stated.or(waits),
        };
        let global = stated.unwrap_or(DEFAULT_GLOBAL).min(LONGEST);
        let per_try = millis(HeaderId::MosnTryTimeout).or(route_try);
        let per_try = per_try.filter(|timeout| !timeout.is_zero() && *timeout < global);
        Timeouts { global, explicit: stated.is_some(), per_try }
    }
}

/// A whole number of milliseconds above zero.
fn parse_millis(value: &[u8]) -> Option<Duration> {
    let millis = parse_digits(value, 18)?;
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// `grpc-timeout`: one to eight digits and a unit (gRPC over HTTP/2, "Requests").
fn parse_grpc(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let number = parse_digits(digits, 8)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

fn parse_digits(text: &[u8], most: usize) -> Option<u64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mecha_codec::http1::Span;
    use mecha_codec::rpc::{Envelope, Kind, Protocol};
    use mecha_http::{Headers, Method, Version};

    use super::*;

    fn head(fields: &[(&str, &str)]) -> RequestHead {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append(name, value.as_bytes()).unwrap();
        }
        let (version, method) = (Version::Http11, Method::GET);
        RequestHead { version, method, authority: "a".into(), target: "/".into(), headers, rpc: None }
    }

    fn frame(timeout: Duration) -> Envelope {
        Envelope {
            raw: Bytes::new(),
            id: 1,
            payload: Span::default(),
            fields_at: Span::default(),
            timeout,
            status: 200,
            code: 0,
            protocol: Protocol::Bolt,
            kind: Kind::Request,
            serialization: 1,
        }
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn who_states_the_global_timeout() {
        let route = Some(ms(5_000));
        type Case = (Option<Duration>, &'static [(&'static str, &'static str)], Duration, bool);
        let cases: [Case; 16] = [
            (None, &[], DEFAULT_GLOBAL, false),
            (route, &[], ms(5_000), true),
            (Some(Duration::ZERO), &[], DEFAULT_GLOBAL, false),
            (route, &[("x-mosn-global-timeout", "70")], ms(70), true),
            (route, &[("X-MOSN-Global-Timeout", "70000")], ms(70_000), true),
            (None, &[("x-mosn-global-timeout", "0")], DEFAULT_GLOBAL, false),
            (route, &[("x-mosn-global-timeout", "-1")], ms(5_000), true),
            (route, &[("x-mosn-global-timeout", "1s")], ms(5_000), true),
            (route, &[("x-mosn-global-timeout", "")], ms(5_000), true),
            (None, &[("x-mosn-global-timeout", "999999999999999999")], LONGEST, true),
            (None, &[("grpc-timeout", "100m")], ms(100), true),
            (None, &[("grpc-timeout", "2H")], ms(7_200_000), true),
            (route, &[("grpc-timeout", "2S")], ms(2_000), true),
            (route, &[("grpc-timeout", "10S")], ms(5_000), true),
            (route, &[("grpc-timeout", "123456789S")], ms(5_000), true),
            (route, &[("grpc-timeout", "10"), ("x-mosn-global-timeout", "70")], ms(70), true),
        ];
        for (route, fields, global, explicit) in cases {
            let timeouts = Timeouts::resolve(route, None, &head(fields));
            assert_eq!((timeouts.global, timeouts.explicit), (global, explicit), "{route:?} {fields:?}");
        }
    }

    #[test]
    fn a_try_has_a_timeout_only_when_it_is_the_shorter_one() {
        type Case = (Option<u64>, &'static [(&'static str, &'static str)], Option<u64>);
        let cases: [Case; 8] = [
            (None, &[], None),
            (Some(100), &[], Some(100)),
            (Some(1_000), &[], None),
            (Some(2_000), &[], None),
            (Some(100), &[("x-mosn-try-timeout", "300")], Some(300)),
            (None, &[("x-mosn-try-timeout", "300")], Some(300)),
            (Some(100), &[("x-mosn-try-timeout", "junk")], Some(100)),
            (Some(100), &[("x-mosn-global-timeout", "50")], None),
        ];
        for (route_try, fields, per_try) in cases {
            let timeouts = Timeouts::resolve(Some(ms(1_000)), route_try.map(ms), &head(fields));
            assert_eq!(timeouts.per_try, per_try.map(ms), "{route_try:?} {fields:?}");
        }
    }

    #[test]
    fn a_frame_says_how_long_its_sender_waits() {
        let global = [("x-mosn-global-timeout", "70")];
        type Case<'a> = (Option<Duration>, &'a [(&'a str, &'a str)], Duration, (Duration, bool));
        let cases: [Case<'_>; 5] = [
            (None, &[], Duration::ZERO, (DEFAULT_GLOBAL, false)),
            (None, &[], ms(3_000), (ms(3_000), true)),
            (Some(ms(500)), &[], ms(3_000), (ms(500), true)),
            (Some(ms(5_000)), &[], ms(3_000), (ms(3_000), true)),
            (Some(ms(5_000)), &global, ms(3_000), (ms(70), true)),
        ];
        for (route, fields, waits, expected) in cases {
            let head = RequestHead { rpc: Some(frame(waits)), ..head(fields) };
            let timeouts = Timeouts::resolve(route, None, &head);
            assert_eq!((timeouts.global, timeouts.explicit), expected, "{route:?} {fields:?} {waits:?}");
        }
    }
}

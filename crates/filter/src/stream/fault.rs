//! `fault` (MOSN reference 1.6): some of the requests wait, some are answered with a status, to see how others take it.

use bytes::Bytes;
use fastrand::Rng;
use mecha_base::ResponseFlags;
use mecha_config::filter::Fault;
use mecha_http::StatusCode;
use mecha_route::header_fits;

use crate::{Next, Phase, Reply, StreamFilter, View};

impl StreamFilter for Fault {
    fn phase(&self) -> Phase {
        Phase::AfterRoute
    }

    fn on_request(&self, view: &mut View<'_>) -> Next {
        if self.upstream_cluster.as_deref().is_some_and(|cluster| view.cluster != Some(cluster)) {
            return Next::Continue;
        }
        if !self.headers.iter().all(|rule| header_fits(rule, view.head)) {
            return Next::Continue;
        }
        let delay = self.delay.filter(|delay| drawn(delay.percentage, view.rng));
        let abort = self.abort.filter(|abort| drawn(abort.percentage, view.rng));
        let then = match abort.and_then(|abort| StatusCode::from_u16(abort.status).ok()) {
            Some(status) => Next::Reply(Reply {
                status,
                body: Bytes::from_static(b"fault injected\n"),
                flag: ResponseFlags::FAULT_INJECTED,
            }),
            None => Next::Continue,
        };
        match delay {
            Some(delay) => {
                Next::Wait { time: delay.time, flag: ResponseFlags::DELAY_INJECTED, then: Box::new(then) }
            }
            None => then,
        }
    }
}

/// Whether this is one of so many of a hundred.
fn drawn(percentage: u32, rng: &mut Rng) -> bool {
    rng.u32(0..100) < percentage
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytestring::ByteString;
    use mecha_config::filter::{FaultAbort, FaultDelay};
    use mecha_config::route::{HeaderMatch, ValueMatch};
    use mecha_http::{Headers, Method, RequestHead, Version};

    use super::*;

    fn ask(fault: &Fault, cluster: Option<&str>, rng: &mut Rng) -> Next {
        let mut headers = Headers::new();
        headers.append("x-user", b"me").unwrap();
        let mut head = RequestHead {
            version: Version::Http11,
            method: Method::GET,
            authority: ByteString::from_static("a"),
            target: ByteString::from_static("/"),
            headers,
            rpc: None,
        };
        fault.on_request(&mut View { head: &mut head, cluster, rng, conversion: &mut None })
    }

    fn aborts() -> Fault {
        Fault { abort: Some(FaultAbort { percentage: 100, status: 503 }), ..Fault::default() }
    }

    fn is_reply(next: &Next) -> bool {
        matches!(next, Next::Reply(reply) if reply.status == 503 && reply.flag == ResponseFlags::FAULT_INJECTED)
    }

    #[test]
    fn a_request_waits_first_and_is_answered_then() {
        let time = Duration::from_secs(2);
        let both = Fault { delay: Some(FaultDelay { percentage: 100, time }), ..aborts() };
        let rng = &mut Rng::with_seed(1);
        let Next::Wait { time: waited, flag, then } = ask(&both, None, rng) else { panic!() };
        assert_eq!((waited, flag), (time, ResponseFlags::DELAY_INJECTED));
        assert!(is_reply(&then));
        assert!(is_reply(&ask(&aborts(), None, rng)));
        assert_eq!(ask(&Fault::default(), None, rng), Next::Continue);
    }

    #[test]
    fn as_many_as_it_says_are_chosen() {
        let some = Fault { abort: Some(FaultAbort { percentage: 30, status: 503 }), ..Fault::default() };
        let rng = &mut Rng::with_seed(7);
        let chosen = (0..10_000).filter(|_| is_reply(&ask(&some, None, rng))).count();
        assert!((2_800..3_200).contains(&chosen), "{chosen}");
        let none = Fault { abort: Some(FaultAbort { percentage: 0, status: 503 }), ..Fault::default() };
        assert!((0..1_000).all(|_| ask(&none, None, rng) == Next::Continue));
    }

    #[test]
    fn only_requests_that_are_meant_are_looked_at() {
        let rng = &mut Rng::with_seed(1);
        let to_blue = Fault { upstream_cluster: Some("blue".to_owned()), ..aborts() };
        assert!(is_reply(&ask(&to_blue, Some("blue"), rng)));
        assert_eq!(ask(&to_blue, Some("green"), rng), Next::Continue);
        assert_eq!(ask(&to_blue, None, rng), Next::Continue);
        let of = |user: &str| {
            let value = ValueMatch::Exact(user.to_owned());
            Fault { headers: vec![HeaderMatch { name: "x-user".to_owned(), value }], ..aborts() }
        };
        assert!(is_reply(&ask(&of("me"), None, rng)));
        assert_eq!(ask(&of("you"), None, rng), Next::Continue);
    }
}

//! Detection: a verdict stands whatever follows, and what the parser accepts is detected.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::detect::{Detected, MATCHERS, Protocol, Verdict, detect};
use mecha_codec::http1::{Limits, Scan, parse_request};
use mecha_codec::rpc;

const HTTP: &[Protocol] = &[Protocol::Http1, Protocol::Http2];
const BOLT: &[Protocol] = &[Protocol::Rpc(rpc::Protocol::Bolt), Protocol::Rpc(rpc::Protocol::BoltV2)];

fuzz_target!(|input: &[u8]| {
    let all: Vec<Protocol> = MATCHERS.iter().map(|matcher| matcher.protocol).collect();
    for allowed in [&all[..], HTTP, &HTTP[..1], &HTTP[1..], BOLT] {
        let mut settled = Detected::More;
        for end in 0..=input.len() {
            let found = detect(&input[..end], allowed);
            assert!(settled == Detected::More || settled == found, "{settled:?} became {found:?} at {end}");
            settled = found;
        }
    }
    let matches = MATCHERS.iter().filter(|matcher| (matcher.matches)(input) == Verdict::Match).count();
    assert!(matches <= 1, "two protocols claim the same bytes");
    // An empty line before the first request is tolerated by the parser but is no sign of HTTP.
    let head = parse_request(input, &mut Scan::default(), &Limits::default(), &mut Vec::new());
    if matches!(head, Ok(Some(_))) && !input.starts_with(b"\r\n") {
        assert_eq!(detect(input, HTTP), Detected::Protocol(Protocol::Http1));
    }
});

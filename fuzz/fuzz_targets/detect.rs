//! Detection: a verdict stands whatever follows, and what the parser accepts is detected.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::detect::{Detected, MATCHERS, Protocol, Verdict, detect};
use mecha_codec::http1::{Limits, Scan, parse_request};

const BOTH: &[Protocol] = &[Protocol::Http1, Protocol::Http2];

fuzz_target!(|input: &[u8]| {
    for allowed in [BOTH, &BOTH[..1], &BOTH[1..]] {
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
        assert_eq!(detect(input, BOTH), Detected::Protocol(Protocol::Http1));
    }
});

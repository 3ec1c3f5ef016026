//! Request heads: the codec against a second parser, whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::http1::{Limits, Scan, Version, parse_request};
use mecha_fuzz::strict::{self, Head, Judged};

fuzz_target!(|input: &[u8]| {
    let (limits, mut fields) = (Limits::default(), Vec::new());
    let mut parse = |end: usize, scan: &mut Scan| {
        let buf = &input[..end];
        let line = parse_request(buf, scan, &limits, &mut fields)?;
        Ok::<_, mecha_codec::http1::ParseError>(line.map(|line| Head {
            len: line.head_len,
            start: (line.method.slice(buf).into(), line.target.slice(buf).into()),
            old: line.version == Version::Http10,
            fields: fields.iter().map(|f| (f.name.slice(buf).into(), f.value.slice(buf).into())).collect(),
            body: line.body,
            keep_alive: line.keep_alive,
            upgrade: line.upgrade,
        }))
    };
    let whole = parse(input.len(), &mut Scan::default());
    match (&whole, strict::request(input)) {
        (Ok(Some(head)), Judged::Accepted(judged)) => assert_eq!(head, &judged),
        (Ok(Some(head)), judged) => panic!("{head:?}, but {judged:?}"),
        (_, judged) => assert!(!matches!(judged, Judged::Accepted(_)), "{whole:?}, but {judged:?}"),
    }
    let mut scan = Scan::default();
    for end in mecha_fuzz::cuts(input) {
        match parse(end, &mut scan) {
            Ok(None) => {}
            Ok(Some(head)) => return assert_eq!(whole.as_ref().ok(), Some(&Some(head))),
            Err(_) => return assert!(whole.is_err()),
        }
    }
    // A fault in an unfinished line may show later when the line comes in pieces, so only success is compared.
    assert!(!matches!(whole, Ok(Some(_))), "complete, but not in pieces");
});

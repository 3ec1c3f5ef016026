//! Response heads: the codec against a second parser, for each kind of request, whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::http1::{Limits, ParseError, RequestKind, Scan, Version, parse_response};
use mecha_fuzz::strict::{self, Head, Judged};

fuzz_target!(|input: &[u8]| {
    for kind in [RequestKind::Other, RequestKind::Head, RequestKind::Connect] {
        check(input, kind);
    }
});

fn check(input: &[u8], kind: RequestKind) {
    let whole = parse(input, &mut Scan::default(), kind);
    match (&whole, strict::response(input, kind)) {
        (Ok(Some(head)), Judged::Accepted(mut judged)) => {
            // The codec leaves a repeated Content-Length out.
            let mut seen = false;
            judged.fields.retain(|(name, _)| {
                let length = name.eq_ignore_ascii_case(b"content-length");
                !length || !std::mem::replace(&mut seen, true)
            });
            assert_eq!(head, &judged);
        }
        (Ok(Some(head)), judged) => panic!("{head:?}, but {judged:?}"),
        (_, judged) => assert!(!matches!(judged, Judged::Accepted(_)), "{whole:?}, but {judged:?}"),
    }
    let mut scan = Scan::default();
    for end in mecha_fuzz::cuts(input) {
        match parse(&input[..end], &mut scan, kind) {
            Ok(None) => {}
            Ok(Some(head)) => return assert_eq!(whole.as_ref().ok(), Some(&Some(head))),
            Err(_) => return assert!(whole.is_err()),
        }
    }
    assert!(!matches!(whole, Ok(Some(_))), "complete, but not in pieces");
}

fn parse(buf: &[u8], scan: &mut Scan, kind: RequestKind) -> Result<Option<Head>, ParseError> {
    let mut fields = Vec::new();
    let line = parse_response(buf, scan, &Limits::default(), kind, &mut fields)?;
    Ok(line.map(|line| Head {
        len: line.head_len,
        start: (line.status.to_string().into_bytes(), line.reason.slice(buf).into()),
        old: line.version == Version::Http10,
        fields: fields.iter().map(|f| (f.name.slice(buf).into(), f.value.slice(buf).into())).collect(),
        body: line.body,
        keep_alive: line.keep_alive,
        upgrade: line.upgrade,
    }))
}

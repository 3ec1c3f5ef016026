//! Frames that want memory, time or the stack.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body_comes() {
    let limits = Limits { frame: 1000 };
    for (length, is_allowed) in [(984_u32, true), (985, false), (0x7fff_ffff, false), (u32::MAX, false)] {
        let mut bytes = raw(0xc2, 0, b"");
        bytes[12..].copy_from_slice(&length.to_be_bytes());
        let mut input = BytesMut::from(&bytes[..]);
        match Dubbo.decode(&mut input, &limits, &mut Vec::new()) {
            Ok(Decoded::More { need }) => assert!(is_allowed && need == 1000),
            Err(error) => {
                let request = error.request.unwrap();
                assert!(
                    !is_allowed && request.id == 7 && request.kind == Kind::Request && error.status == 413
                );
                let mut out = BytesMut::new();
                Dubbo.reply(&request, 413, "too large", &mut out);
                assert_eq!(read(&out).frame.id, 7);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn other_bytes_are_refused_at_once() {
    for bytes in [&b"\xda\xbc"[..], b"G", b"\x01\x01\x00\x01", b"\xdb\xbb\xc2\x00"] {
        let error = testing::refused(&Dubbo, bytes, Limits::default());
        assert!(error.status == 400 && error.request.is_none(), "{bytes:02x?}");
    }
}

#[test]
fn arguments_that_cannot_be_followed_make_no_error() {
    let mut deep = b"\x05hello".to_vec();
    deep.resize(100_000, 0x79);
    let hostile: &[&[u8]] = &[
        &deep,
        b"\x05helloXI\x7f\xff\xff\xff",
        b"\x05helloS\xff\xff",
        b"\x05helloC\x01aI\x7f\xff\xff\xff",
        b"\x05hello\x60",
        b"\x05helloZ",
        b"",
    ];
    let started = Instant::now();
    for arguments in hostile {
        let bytes = request(&Request { arguments, attachments: &[], ..CALL });
        let read = read(&bytes);
        assert_eq!(names(&read), ["dubbo", "service", "version", "method"]);
        identity(&bytes);
    }
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn cyclic_arguments_are_skipped() {
    // A list that holds itself, and two objects that hold each other.
    let arguments = b"\x79\x51\x90C\x01A\x91\x01x\x60\x60\x51\x91";
    let bytes = request(&Request { arguments, ..CALL });
    assert_eq!(read(&bytes).field("group").as_deref(), Some("blue"));
}

#[test]
fn a_map_that_breaks_off_gives_no_fields() {
    let mut body = request(&CALL)[16..].to_vec();
    body.truncate(body.len() - 1);
    let bytes = raw(0xc2, 0, &body);
    let read = read(&bytes);
    assert_eq!(names(&read), ["dubbo", "service", "version", "method"]);
    assert!(read.frame.timeout.is_zero());
    identity(&bytes);
}

#[test]
fn a_body_that_is_no_call_is_opaque() {
    for body in [&b""[..], b"\x052.0.2", b"\x052.0.2\x91", b"HZ"] {
        for flags in [0xc2, 0x82, 0x02] {
            let bytes = raw(flags, 20, body);
            let read = read(&bytes);
            assert!(read.fields.is_empty() && read.frame.payload() == body);
            identity(&bytes);
        }
    }
}

#[test]
fn millions_of_attachments_are_walked_but_few_become_fields() {
    let mut body = request(&Request { attachments: &[], ..CALL })[16..].to_vec();
    body.truncate(body.len() - 1);
    body.extend_from_slice(&b"\x01a\x01b".repeat(500_000));
    body.push(b'Z');
    let started = Instant::now();
    let read = read(&raw(0xc2, 0, &body));
    assert_eq!(read.fields.len(), 4 + MAX_FIELDS);
    sent(&read.frame, 9, Some(&read.views()));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn no_change_of_one_byte_of_a_frame_does_harm() {
    let frames = [request(&CALL), response(Body::Value(b"\x72\x01t\x91\x60"), Some(&[(b"a", b"b")]))];
    for bytes in frames {
        testing::assert_survives_changes(&Dubbo, &bytes);
    }
}

//! TARS packets by hand, as a real peer wrote them, and made of anything.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rpc::testing::*;

type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];

fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn request(request: &Request<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    request.write(&mut out).unwrap();
    out
}

fn golden(name: &str) -> Vec<u8> {
    let frames = goldens("tars");
    frames.into_iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("no {name}")).1.to_vec()
}

#[test]
fn frames_of_a_real_peer_are_forwarded_byte_for_byte() {
    for (name, frame) in goldens("tars") {
        println!("{name}");
        if frame.len() < 1000 {
            assert_golden(&Tars, &frame);
            assert_survives_changes(&Tars, &frame);
        }
        let (envelope, _) = decode(&Tars, &frame);
        assert_eq!(forward(&Tars, &envelope, envelope.id, None).unwrap(), &frame[..]);
    }
}

#[test]
fn kinds_are_told_by_the_fields() {
    let cases = [
        ("echo-request.bin", Kind::Request, 200),
        ("echo-response.bin", Kind::Response, 200),
        ("large-response.bin", Kind::Response, 200),
        ("fail-response.bin", Kind::Response, 500),
        ("no-function-response.bin", Kind::Response, 404),
        ("one-way-request.bin", Kind::OneWay, 200),
        ("ping-request.bin", Kind::Heartbeat, 200),
        ("ping-response.bin", Kind::Response, 200),
        ("tup-request.bin", Kind::Request, 200),
        ("tup2-request.bin", Kind::Request, 200),
        ("tup-response.bin", Kind::Response, 200),
        ("tup-fail-response.bin", Kind::Response, 500),
        ("tup-ping-request.bin", Kind::Heartbeat, 200),
        ("tup-ping-response.bin", Kind::Response, 200),
    ];
    for (name, kind, status) in cases {
        let (frame, _) = decode(&Tars, &golden(name));
        assert_eq!((frame.kind, frame.status), (kind, status), "{name}");
    }
}

#[test]
fn a_request_tells_what_is_called_and_its_context() {
    let (frame, fields) = decode(&Tars, &golden("context-request.bin"));
    let mut expected = text(&[
        ("service", "Mecha.PeerServer.EchoObj"),
        ("method", "echo"),
        ("caller", "node"),
        ("mixed Case", "é値"),
        ("empty", ""),
    ]);
    expected.push(("long".to_owned(), "x".repeat(300)));
    assert_eq!(texts(&frame.raw, &fields), expected);
    assert_eq!(frame.timeout, Duration::from_secs(3));
    assert_eq!(frame.payload(), b"\x16\x05hello");
    let (_, fields) = decode(&Tars, &golden("echo-response.bin"));
    assert_eq!(texts(&golden("echo-response.bin"), &fields), text(&[("server", "node"), ("empty", "")]));
}

#[test]
fn numbers_take_as_few_bytes_as_they_need() {
    let (frame, _) = decode(&Tars, &golden("context-request.bin"));
    for (id, len) in [(0, 0), (127, 1), (128, 2), (32_767, 2), (32_768, 4), (u64::from(u32::MAX), 1)] {
        let written = forward(&Tars, &frame, id, None).unwrap();
        assert_eq!(decode(&Tars, &written).0.id, id);
        assert_eq!(written.len(), frame.raw.len() - 1 + len, "{id}");
    }
}

#[test]
fn a_changed_context_is_written_around_the_payload() {
    for name in ["tup-request.bin", "echo-response.bin", "no-function-response.bin"] {
        let (frame, _) = decode(&Tars, &golden(name));
        let field = |name, value, own| FieldView { name, value, own };
        let fields = [field(b"service", b"x", true), field(b"a", b"1", false), field(b"a", b"", false)];
        let written = forward(&Tars, &frame, 9, Some(&fields)).unwrap();
        let (other, other_fields) = decode(&Tars, &written);
        let mut read = texts(&other.raw, &other_fields);
        if name == "tup-request.bin" {
            assert_eq!(read.remove(0).1, "Mecha.PeerServer.EchoObj", "the servant stays");
            read.remove(0);
        }
        assert_eq!(read, text(&[("a", "1"), ("a", "")]));
        assert_eq!((other.payload(), other.kind), (frame.payload(), frame.kind));
    }
}

#[test]
fn a_response_without_a_context_gets_one_where_it_belongs() {
    // Version 1, number 5, result 0, payload "x", no status and nothing after it.
    let bare = b"\0\0\0\x10\x10\x01\x2c\x30\x05\x5c\x6d\0\0\x01x\x7c";
    // Field 7 is a number here, which nobody reads.
    let (frame, fields) = decode(&Tars, bare);
    assert_eq!((frame.kind, frame.id, fields.len()), (Kind::Response, 5, 0));
    assert_eq!(forward(&Tars, &frame, 5, Some(&[])).unwrap(), bare);
    let fields = [FieldView { name: b"a", value: b"b", own: false }];
    let written = forward(&Tars, &frame, 5, Some(&fields)).unwrap();
    assert_eq!(written, b"\0\0\0\x19\x10\x01\x2c\x30\x05\x5c\x6d\0\0\x01x\x7c\x98\0\x01\x06\x01a\x16\x01b");
}

#[test]
fn failures_are_answered_in_the_version_of_the_request() {
    let mut out = BytesMut::new();
    let (asked, _) = decode(&Tars, &golden("echo-request.bin"));
    Tars.reply(&asked, 404, "no route", &mut out);
    let (answer, _) = decode(&Tars, &out);
    assert_eq!(
        (answer.kind, answer.id, answer.status, answer.code as i16),
        (Kind::Response, asked.id, 404, -4)
    );
    assert!(out.ends_with(b"\x86\x08no route\x98\x0c"));

    let (asked, _) = decode(&Tars, &golden("tup-fail-request.bin"));
    out.clear();
    Tars.reply(&asked, 503, "full", &mut out);
    let (answer, fields) = decode(&Tars, &out);
    assert_eq!(
        (answer.kind, answer.id, answer.status, answer.serialization),
        (Kind::Response, 70_000, 503, 3)
    );
    assert_eq!(
        texts(&out, &fields)[..2],
        text(&[("service", "Mecha.PeerServer.EchoObj"), ("method", "fail")])
    );
    assert_eq!(answer.payload(), b"\x08\x0c");
}

#[test]
fn heartbeats_are_calls_of_ping() {
    let mut out = BytesMut::new();
    assert!(Tars.heartbeat(70_000, &mut out));
    let (ping, _) = decode(&Tars, &out);
    assert_eq!((ping.kind, ping.id), (Kind::Heartbeat, 70_000));
    for name in ["ping", "tup-ping"] {
        let (ping, _) = decode(&Tars, &golden(&format!("{name}-request.bin")));
        out.clear();
        Tars.heartbeat_ack(&ping, &mut out);
        let (ack, _) = decode(&Tars, &out);
        let (theirs, _) = decode(&Tars, &golden(&format!("{name}-response.bin")));
        assert_eq!((ack.kind, ack.id, ack.status), (Kind::Response, ping.id, 200));
        assert_eq!(ack.payload(), theirs.payload());
    }
    out.clear();
    let (ping, _) = decode(&Tars, &request(&Request { function: PING, one_way: true, ..Request::default() }));
    Tars.heartbeat_ack(&ping, &mut out);
    assert!(out.is_empty(), "nobody waits for it");
}

#[test]
fn a_server_that_wants_no_more_requests_is_understood() {
    let mut out = BytesMut::new();
    Response { description: b"_reconnect_", ..Response::default() }.write(&mut out).unwrap();
    assert_eq!(decode(&Tars, &out).0.kind, Kind::GoAway);
    out.clear();
    Response { id: 1, description: b"_reconnect_", ..Response::default() }.write(&mut out).unwrap();
    assert_eq!(decode(&Tars, &out).0.kind, Kind::Response);
}

#[test]
fn answers_of_tup_are_told_by_their_origin() {
    let (mut frame, _) = decode(&Tars, &golden("tup-request.bin"));
    Tars.received_from_server(&mut frame);
    assert_eq!((frame.kind, frame.status), (Kind::Response, 200));
    let (mut frame, _) = decode(&Tars, &golden("echo-request.bin"));
    Tars.received_from_server(&mut frame);
    assert_eq!(frame.kind, Kind::Request, "a server may not ask in TARS itself");
}

#[test]
fn what_is_no_packet_is_refused() {
    let head = b"\0\0\0\x10\x10\x01\x2c\x30\x05\x5c";
    let cases: &[(&[u8], &str)] = &[
        (b"\0\0\0\x05", "shorter"),
        (b"\xff\xff\xff\xff", "larger"),
        (b"\x01\0\0\x01", "larger"),
        (b"\0\0\0\x10\x11", "version"),
        (&[&head[..], b"\x6d\0\0\x7fx\x7c"].concat(), "cut"),
        (&[&head[..], b"\x6d\0\0\x01x\x3c"].concat(), "out of order"),
        (&[&head[..], b"\x7c\x8c\x9c\xac\xfc\x10"].concat(), "lacks"),
    ];
    for (input, reason) in cases {
        let error = refused(&Tars, input, Limits::default());
        assert!(error.reason.contains(reason), "{input:?}: {error}");
    }
    // A field beyond the known ones that is too deep to be followed.
    let deep = [&head[4..], b"\x6d\0\0\x01x\xb9", &b"\0\x01\x09".repeat(40), b"\x0c"].concat();
    let framed = [&(deep.len() as u32 + 4).to_be_bytes()[..], &deep].concat();
    assert!(refused(&Tars, &framed, Limits::default()).reason.contains("lacks"));
}

#[test]
fn a_connection_opens_with_length_and_version() {
    let cases: &[(&[u8], Verdict)] = &[
        (b"", Verdict::More),
        (b"\0\0\0\x3c\x10", Verdict::More),
        (b"\0\0\0\x3c\x10\x01", Verdict::Match),
        (b"\0\0\0\x3c\x10\x03\x2c", Verdict::Match),
        (b"\0\0\0\x3c\x10\x02", Verdict::NoMatch),
        (b"\0\0\0\x3c\xda", Verdict::NoMatch),
        (b"G", Verdict::NoMatch),
    ];
    for (input, verdict) in cases {
        assert_eq!(matches(input), *verdict, "{input:?}");
    }
}

fn pairs() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let part = || prop::collection::vec(any::<u8>(), 0..300);
    prop::collection::vec((part(), part()), 0..6)
}

fn lent(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (&name[..], &value[..])).collect()
}

fn own<'a>(fields: &[FieldView<'a>]) -> Vec<(&'a [u8], &'a [u8])> {
    fields.iter().filter(|field| !field.own).map(|field| (field.name, field.value)).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id in any::<u32>(), context in pairs(), changed in pairs(), version in 1u8..4,
        payload in prop::collection::vec(any::<u8>(), 0..400), millis in 0u64..5_000_000_000,
    ) {
        let (context, changed) = (lent(&context), lent(&changed));
        let context: Pairs<'_> = &context;
        let timeout = Duration::from_millis(millis);
        let frame = request(&Request {
            version, id: id.into(), servant: b"A.B.C", function: b"f", payload: &payload, timeout, context,
            ..Request::default()
        });
        let (read, fields) = decode(&Tars, &frame);
        prop_assert_eq!((read.id, read.kind, read.payload()), (u64::from(id), Kind::Request, &payload[..]));
        prop_assert_eq!(read.timeout, timeout.min(Duration::from_millis(i32::MAX as u64)));
        prop_assert_eq!(own(&views(&frame, &fields)), context.to_vec());
        prop_assert_eq!(forward(&Tars, &read, id.into(), Some(&views(&frame, &fields))).unwrap(), &frame[..]);

        let views_of: Vec<_> =
            changed.iter().map(|(name, value)| FieldView { name, value, own: false }).collect();
        let written = forward(&Tars, &read, 7, Some(&views_of)).unwrap();
        let (other, other_fields) = decode(&Tars, &written);
        prop_assert_eq!((other.id, other.payload()), (7, &payload[..]));
        prop_assert_eq!(own(&views(&written, &other_fields)), changed);
    }

    #[test]
    fn garbage_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..600), whole in any::<bool>()) {
        if whole && bytes.len() > 5 {
            let len = bytes.len() as u32;
            bytes[..4].copy_from_slice(&len.to_be_bytes());
            bytes[4] = VERSION;
        }
        assert_survives(&Tars, &bytes, &Limits { frame: 1 << 16 });
    }
}

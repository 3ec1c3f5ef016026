//! What the codec makes of frames: those that were captured, those that are built, and those that are hostile.

mod goldens;
mod hostile;
mod properties;
mod rewrite;

use bytes::BytesMut;

use super::build::{Body, DUBBO_VERSION, Request, Response};
use super::*;
use crate::rpc::Kind;
use crate::rpc::testing;

/// A call with one argument of each kind that matters here.
const CALL: Request<'_> = Request {
    id: 7,
    one_way: false,
    dubbo_version: DUBBO_VERSION,
    service: "org.example.Greeter",
    version: "1.0.0",
    method: "greet",
    parameter_types: "Ljava/lang/String;[I",
    arguments: b"\x05hello\x7a\x91\x92",
    attachments: &[(b"path", b"org.example.Greeter"), (b"group", b"blue"), (b"timeout", b"1500")],
};

fn request(request: &Request<'_>) -> Vec<u8> {
    let mut out = BytesMut::new();
    request.write(&mut out);
    out.to_vec()
}

fn response(body: Body<'_>, attachments: Option<build::Attachments<'_>>) -> Vec<u8> {
    let mut out = BytesMut::new();
    Response { id: 7, body, attachments }.write(&mut out);
    out.to_vec()
}

/// A frame with this body.
fn raw(flags: u8, status: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xda, 0xbb, flags, status, 0, 0, 0, 0, 0, 0, 0, 7];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// A frame that was decoded, and its fields.
struct Read {
    frame: Envelope,
    fields: Vec<Field>,
}

impl Read {
    fn views(&self) -> Vec<FieldView<'_>> {
        testing::views(&self.frame.raw, &self.fields)
    }

    fn texts(&self) -> Vec<(String, String)> {
        testing::texts(&self.frame.raw, &self.fields)
    }

    /// The value of the first field of this name.
    fn field(&self, name: &str) -> Option<String> {
        self.texts().into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

fn read(bytes: &[u8]) -> Read {
    let (frame, fields) = testing::decode(&Dubbo, bytes);
    Read { frame, fields }
}

fn sent(frame: &Envelope, id: u64, fields: Option<&[FieldView<'_>]>) -> Vec<u8> {
    testing::forward(&Dubbo, frame, id, fields).unwrap()
}

/// A frame comes out as it went in, also when it is told to write its fields as they are.
fn identity(bytes: &[u8]) {
    let read = read(bytes);
    assert_eq!(sent(&read.frame, read.frame.id, None), bytes);
    assert_eq!(sent(&read.frame, read.frame.id, Some(&read.views())), bytes);
}

fn garbage(bytes: &[u8]) {
    testing::assert_survives(&Dubbo, bytes, &Limits::default());
}

fn names(read: &Read) -> Vec<String> {
    read.texts().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn two_bytes_tell_dubbo() {
    assert_eq!(matches(b""), Verdict::More);
    assert_eq!(matches(b"\xda"), Verdict::More);
    assert_eq!(matches(b"\xda\xbb"), Verdict::Match);
    assert_eq!(matches(b"\xda\xbb\xc2"), Verdict::Match);
    for other in [&b"G"[..], b"\xda\xbc", b"\x01", b"\xdb"] {
        assert_eq!(matches(other), Verdict::NoMatch, "{other:02x?}");
    }
}

#[test]
fn a_request_offers_what_it_calls_and_its_attachments() {
    let bytes = request(&CALL);
    let read = read(&bytes);
    let expected = [
        ("dubbo", "2.0.2"),
        ("service", "org.example.Greeter"),
        ("version", "1.0.0"),
        ("method", "greet"),
        ("path", "org.example.Greeter"),
        ("group", "blue"),
        ("timeout", "1500"),
    ];
    assert_eq!(read.texts(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(read.frame.kind, Kind::Request);
    assert_eq!(
        (read.frame.id, read.frame.serialization, read.frame.timeout.as_millis()),
        (7, HESSIAN2, 1500)
    );
    assert_eq!(read.frame.payload(), b"\x14Ljava/lang/String;[I\x05hello\x7a\x91\x92");
    identity(&bytes);
}

#[test]
fn one_way_requests_and_absent_versions_are_told() {
    let read = read(&request(&Request { one_way: true, version: "", ..CALL }));
    assert_eq!(read.frame.kind, Kind::OneWay);
    assert_eq!(read.field("version"), None);
}

#[test]
fn what_is_left_of_a_timeout_goes_before_the_configured_one() {
    let timeout = |map: &[u8]| {
        let mut body = request(&Request { attachments: &[], ..CALL })[16..].to_vec();
        body.truncate(body.len() - 1);
        body.extend_from_slice(map);
        body.push(b'Z');
        read(&raw(0xc2, 0, &body)).frame.timeout.as_millis()
    };
    assert_eq!(timeout(b""), 0);
    assert_eq!(timeout(b"\x07timeout\x04 100"), 0, "no number");
    assert_eq!(timeout(b"\x07timeout\xcb\xe8"), 1000);
    assert_eq!(timeout(b"\x03_TO\x90"), 0);
    assert_eq!(timeout(b"\x03_TO\x8f"), 0, "negative");
    assert_eq!(timeout(b"\x03_TO\xa0\x07timeout\x041000"), 16);
    assert_eq!(timeout(b"\x07timeout\x041000\x03_to\xf8\x20"), 32, "a long");
}

#[test]
fn a_response_offers_its_attachments_and_says_what_came_of_the_call() {
    let bytes = response(Body::Value(b"\x05hello"), Some(&[(b"dubbo", b"2.0.2")]));
    let value = read(&bytes);
    assert_eq!((value.frame.kind, value.frame.status, value.frame.code), (Kind::Response, 200, 20));
    assert_eq!(value.frame.payload(), b"\x05hello");
    assert_eq!(outcome(&value.frame), Some(Outcome::Value));
    assert_eq!(value.texts(), [("dubbo".to_owned(), "2.0.2".to_owned())]);
    identity(&bytes);

    let null = read(&response(Body::Null, None));
    assert_eq!((outcome(&null.frame), null.frame.payload()), (Some(Outcome::Null), &b""[..]));
    let exception = read(&response(Body::Exception(b"HZ"), None));
    assert_eq!((outcome(&exception.frame), exception.frame.status), (Some(Outcome::Exception), 200));
    assert_eq!(exception.frame.payload(), b"HZ");
}

#[test]
fn a_status_means_one_of_http() {
    let cases =
        [(30, 504), (31, 504), (40, 400), (50, 502), (60, 404), (70, 500), (80, 500), (90, 500), (100, 503)];
    for (status, http) in cases {
        let bytes = response(Body::Failure { status, text: "why" }, None);
        let read = read(&bytes);
        assert_eq!((read.frame.status, read.frame.code), (http, u16::from(status)));
        assert_eq!((read.frame.payload(), outcome(&read.frame)), (&b"\x03why"[..], None));
        identity(&bytes);
    }
}

#[test]
fn answers_of_our_own_repeat_the_number_and_hold_status_and_text() {
    let request = read(&request(&CALL)).frame;
    let codes = [(404, 60), (502, 60), (503, 40), (509, 40), (504, 30), (403, 80), (500, 70), (413, 70)];
    for (status, code) in codes {
        let mut out = BytesMut::new();
        Dubbo.reply(&request, status, "no luck", &mut out);
        let reply = read(&out).frame;
        assert_eq!((reply.id, reply.code, reply.serialization), (7, code, HESSIAN2), "{status}");
        assert_eq!(reply.payload(), format!("\x0b{status}|no luck").as_bytes());
    }
    for (text, body, came) in [("hi", &b"\x91\x02hi"[..], Outcome::Value), ("", b"\x92", Outcome::Null)] {
        let mut out = BytesMut::new();
        Dubbo.reply(&request, 200, text, &mut out);
        assert_eq!(&out[16..], body);
        assert_eq!(outcome(&read(&out).frame), Some(came));
    }
}

#[test]
fn a_caller_in_another_serialisation_is_answered_in_hessian() {
    let request = read(&raw(0xc0 | 23, 0, b"\x7aopaque")).frame;
    assert_eq!((request.serialization, request.payload()), (23, &b"\x7aopaque"[..]));
    let mut out = BytesMut::new();
    Dubbo.reply(&request, 404, "no route", &mut out);
    assert_eq!(out[2], HESSIAN2);
}

#[test]
fn events_are_told_apart() {
    let kind = |flags, status, body: &[u8]| read(&raw(flags, status, body)).frame.kind;
    assert_eq!(kind(0xe2, 0, b"N"), Kind::Heartbeat);
    assert_eq!(kind(0x22, 20, b"N"), Kind::HeartbeatAck);
    assert_eq!(kind(0xa2, 0, b"\x01R"), Kind::GoAway);
    assert_eq!(kind(0xe2, 0, b"\x01R"), Kind::GoAway, "some ask for an answer");
    assert_eq!(kind(0xa2, 0, b"\x01W"), Kind::HeartbeatAck);
    assert_eq!(kind(0xa0 | 23, 0, b"\x4aR"), Kind::GoAway, "fastjson2");
    assert_eq!(kind(0xe0 | 23, 0, b"\xaf"), Kind::Heartbeat, "fastjson2");
    assert_eq!(kind(0xa0 | 6, 0, b"\"R\"\n"), Kind::GoAway, "fastjson");
}

#[test]
fn a_heartbeat_of_another_serialisation_is_answered_with_its_own_null() {
    let heartbeat = read(&raw(0xe0 | 23, 0, b"\xaf")).frame;
    let mut out = BytesMut::new();
    Dubbo.heartbeat_ack(&heartbeat, &mut out);
    assert_eq!(out, raw(0x20 | 23, 20, b"\xaf")[..]);
}

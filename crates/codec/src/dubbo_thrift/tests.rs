//! Frames around messages that thriftpy2 0.5 wrote, strict and old, and those of Dubbo itself; every cut and garbage of them;
//! answers of our own.

use proptest::prelude::*;

use super::*;
use crate::rpc::own_name;
use crate::rpc::testing::{assert_every_split, assert_golden, assert_survives_changes, goldens, texts};

const CALL: &str = "00000040dabc000000400022010000000d636f6d2e746573742e4563686f0000000000000102800100010000000568656c6c6f000000070b000100000005776f726c6400";
/// An old message, and a path after the service.
const OLD: &str = "0000004fdabc0000004f0034010000000d636f6d2e746573742e4563686f0000000e2f636f6d2e746573742e4563686f00000000000001020000000568656c6c6f01000000070b000100000005776f726c6400";
const EXCEPTION: &str = "00000050dabc000000500022010000000d636f6d2e746573742e4563686f0000000000000102800100030000000568656c6c6f000000070b00010000000e6e6f2073756368206d6574686f640800020000000100";
const REPLY: &str = "00000040dabc000000400022010000000d636f6d2e746573742e4563686f0000000000000102800100020000000568656c6c6f000000070b000000000005776f726c6400";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn decoded(bytes: &[u8]) -> Result<(Envelope, Vec<Field>), FrameError> {
    let (mut input, mut fields) = (BytesMut::from(bytes), Vec::new());
    match DubboThrift.decode(&mut input, &Limits::default(), &mut fields)? {
        Decoded::Frame(frame) => {
            assert!(input.is_empty());
            Ok((frame, fields))
        }
        Decoded::More { need } => panic!("{need} of {}", bytes.len()),
    }
}

fn forwarded(frame: &Envelope, id: u64) -> Vec<u8> {
    let (mut before, mut after) = (BytesMut::new(), BytesMut::new());
    let out = Around { before: &mut before, after: &mut after };
    DubboThrift.forward(frame, id, None, out).unwrap();
    before.extend_from_slice(frame.payload());
    before.extend_from_slice(&after);
    before.to_vec()
}

#[test]
fn a_call_names_its_service_and_method() {
    for hex in [CALL, OLD] {
        let raw = bytes(hex);
        assert_eq!(matches(&raw), Verdict::Match);
        let (frame, fields) = decoded(&raw).unwrap();
        assert_eq!((frame.kind, frame.id, frame.status), (Kind::Request, 258, 200));
        let named = fields.iter().map(|field| (own_name(field.name), field.value.slice(&frame.raw)));
        let wanted = [(&b"service"[..], &b"com.test.Echo"[..]), (b"method", b"hello")];
        assert_eq!(named.collect::<Vec<_>>(), wanted);
        assert_eq!(forwarded(&frame, 258), raw);
        let other = decoded(&forwarded(&frame, u64::MAX - 1)).unwrap().0;
        assert_eq!((other.id, other.payload()), (u64::MAX - 1, frame.payload()));
    }
    let mut one_way = bytes(CALL);
    one_way[41] = 4;
    assert_eq!(decoded(&one_way).unwrap().0.kind, Kind::OneWay);
}

#[test]
fn frames_of_dubbo_itself_are_understood() {
    let methods = [
        ("string", "echoString"),
        ("int", "add"),
        ("declared", "refuse"),
        ("runtime", "fail"),
        ("void", "nothing"),
    ];
    for (name, raw) in goldens("dubbo_thrift") {
        assert_golden(&DubboThrift, &raw);
        assert_survives_changes(&DubboThrift, &raw);
        let (frame, fields) = decoded(&raw).unwrap();
        if name.starts_with("response") {
            let status = if name.contains("runtime") { 500 } else { 200 };
            assert_eq!((frame.kind, frame.status), (Kind::Response, status), "{name}");
            continue;
        }
        let method = methods.iter().find(|(part, _)| name.contains(part)).unwrap().1;
        let wanted = [("service", "mecha.peers.thrift.Echo$Iface"), ("method", method)];
        assert_eq!(frame.kind, Kind::Request, "{name}");
        assert_eq!(
            texts(&frame.raw, &fields),
            wanted.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}

#[test]
fn answers_have_a_status() {
    let reply = decoded(&bytes(REPLY)).unwrap();
    assert_eq!((reply.0.kind, reply.0.status, reply.0.code), (Kind::Response, 200, 0));
    assert!(reply.1.is_empty());
    let failed = decoded(&bytes(EXCEPTION)).unwrap().0;
    assert_eq!((failed.kind, failed.status, failed.code), (Kind::Response, 404, 1));
}

#[test]
fn an_answer_of_our_own_says_whose_it_is_and_why() {
    for hex in [CALL, OLD] {
        let request = decoded(&bytes(hex)).unwrap().0;
        for (status, code) in [(404, 1), (400, 7), (500, 6), (504, 6), (503, 0), (502, 0)] {
            let mut out = BytesMut::from(&b"before"[..]);
            DubboThrift.reply(&request, status, "no healthy host", &mut out);
            let answer = decoded(&out[6..]).unwrap().0;
            assert_eq!((answer.kind, answer.id), (Kind::Response, 258));
            assert_eq!((answer.status, answer.code), (status, code));
            // The name and the sequence number of the call, which clients check.
            assert_eq!(&answer.payload()[..17], b"\x80\x01\0\x03\0\0\0\x05hello\0\0\0\x07");
            let text = format!("{status}|no healthy host");
            assert!(answer.payload().windows(text.len()).any(|window| window == text.as_bytes()));
        }
    }
}

#[test]
fn a_frame_may_come_in_pieces_and_with_another_behind_it() {
    let whole = bytes(CALL);
    for cut in 0..whole.len() {
        let (mut input, mut fields) = (BytesMut::from(&whole[..cut]), Vec::new());
        let decoded = DubboThrift.decode(&mut input, &Limits::default(), &mut fields).unwrap();
        let Decoded::More { need } = decoded else { panic!("{cut}") };
        assert!(need > cut && need <= whole.len(), "{need} at {cut}");
        assert_eq!((input.len(), fields.len()), (cut, 0));
        let verdict = if cut < 6 { Verdict::More } else { Verdict::Match };
        assert_eq!(matches(&whole[..cut]), verdict);
    }
    let mut two = BytesMut::from(&[bytes(CALL), bytes(REPLY)].concat()[..]);
    for kind in [Kind::Request, Kind::Response] {
        let decoded = DubboThrift.decode(&mut two, &Limits::default(), &mut Vec::new()).unwrap();
        assert!(matches!(decoded, Decoded::Frame(frame) if frame.kind == kind));
    }
    assert!(two.is_empty());
}

#[test]
fn lengths_are_not_believed() {
    let refused = |at: usize, with: &[u8]| {
        let mut raw = bytes(CALL);
        raw[at..at + with.len()].copy_from_slice(with);
        decoded(&raw).unwrap_err().reason
    };
    assert_eq!(refused(0, &[7, 0, 0, 0]), "a frame that is larger than the limit");
    assert_eq!(refused(0, &[0, 0, 0, 4]), "a frame that is smaller than its header");
    assert_eq!(refused(4, &[0xda, 0xbb]), "a frame without Dubbo-Thrift's magic");
    assert_eq!(refused(10, &[0xff, 0xff]), "a header that goes beyond its frame");
    assert_eq!(refused(10, &[0, 20]), "a header that is too small");
    assert_eq!(refused(13, &[0xff; 4]), "a service's name that goes beyond its header");
    assert_eq!(refused(38, &[0x82, 0x21]), "a message that is not of Thrift's binary protocol");
    assert_eq!(refused(41, &[9]), "a Thrift message of an unknown type");
    assert_eq!(refused(42, &[0x7f, 0xff, 0xff, 0xff]), "a Thrift message that goes beyond its frame");
    for first in [b'G', 0xda, 0x16, 8] {
        assert_eq!(matches(&[first]), Verdict::NoMatch);
    }
}

/// A frame of these parts, with a path behind the service as Dubbo 2.7 writes it, or none.
fn frame(kind: u8, id: u64, service: &str, path: Option<&str>, method: &str, arguments: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let names = [text(service), path.map(text).unwrap_or_default()].concat();
    let message = [&[0x80, 1, 0, kind][..], &text(method), &[0; 4], arguments].concat();
    let header = 9 + names.len() + ID;
    let size = ((header + message.len()) as u32).to_be_bytes();
    let lengths = [&size[..], &MAGIC, &size, &(header as u16).to_be_bytes(), &[1]].concat();
    [&lengths[..], &names, &id.to_be_bytes(), &message].concat()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        one_way: bool, id: u64, other: u64, service in ".{0,40}", path in proptest::option::of(".{0,20}"),
        method in ".{0,40}", arguments in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let raw = frame(if one_way { 4 } else { 1 }, id, &service, path.as_deref(), &method, &arguments);
        let (read, fields) = decoded(&raw).unwrap();
        prop_assert_eq!((read.id, read.kind == Kind::OneWay), (id, one_way));
        prop_assert!(read.payload().ends_with(&arguments));
        let named: Vec<String> = texts(&raw, &fields).into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(named, [service, method]);
        prop_assert_eq!(&forwarded(&read, id), &raw);
        let renumbered = decoded(&forwarded(&read, other)).unwrap().0;
        prop_assert_eq!((renumbered.id, renumbered.payload()), (other, read.payload()));
        assert_every_split(&DubboThrift, &raw);
    }

    #[test]
    fn garbage_is_read_or_refused(at in 0usize..84, with in any::<u8>(), tail in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut raw = bytes(EXCEPTION);
        raw[at] = with;
        raw.extend(tail);
        let mut input = BytesMut::from(&raw[..]);
        while let Ok(Decoded::Frame(frame)) = DubboThrift.decode(&mut input, &Limits::default(), &mut Vec::new()) {
            prop_assert_eq!(&forwarded(&frame, frame.id), &frame.raw);
            let mut out = BytesMut::new();
            DubboThrift.reply(&frame, 503, "", &mut out);
            prop_assert_eq!(decoded(&out).unwrap().0.status, 503);
        }
    }
}

//! Bolt frames by hand, as real peers wrote them, and made of anything.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rpc::Kind;
use crate::rpc::testing::*;

fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn view<'a>(name: &'a str, value: &'a str) -> FieldView<'a> {
    FieldView { name: name.as_bytes(), value: value.as_bytes(), own: false }
}

fn written(request: &Request<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    request.write(&mut out).unwrap();
    out
}

fn golden(folder: &str, name: &str) -> Vec<u8> {
    let frames = goldens(folder);
    frames
        .into_iter()
        .find(|(file, _)| file == name)
        .unwrap_or_else(|| panic!("no {folder}/{name}"))
        .1
        .to_vec()
}

/// A request with these fields, in which `change` was done to what was read of it.
fn changed(fields: &[(&[u8], &[u8])], change: impl Fn(&mut Vec<FieldView<'_>>)) -> Vec<(String, String)> {
    let frame = written(&Request { class: b"C", fields, content: b"body", ..Request::default() });
    let (frame, fields) = decode(&V1, &frame);
    let mut fields = views(&frame.raw, &fields);
    change(&mut fields);
    let written = forward(&V1, &frame, 9, Some(&fields)).unwrap();
    let (other, fields) = decode(&V1, &written);
    assert_eq!((other.id, other.payload()), (9, &b"body"[..]));
    let own = views(&written, &fields).iter().filter(|field| field.own).count();
    texts(&written, &fields)[own..].to_vec()
}

#[test]
fn frames_of_real_peers_are_forwarded_byte_for_byte() {
    for folder in ["bolt", "boltv2"] {
        for (name, frame) in goldens(folder) {
            println!("{folder}/{name}");
            for codec in [&V1, &V2] {
                assert_golden(codec, &frame);
            }
            assert_survives_changes(&V1, &frame);
        }
    }
}

#[test]
fn kinds_and_statuses_of_real_peers() {
    let cases = [
        ("java-sync-request.bin", Kind::Request, 200),
        ("java-sync-response.bin", Kind::Response, 200),
        ("java-oneway-request.bin", Kind::OneWay, 200),
        ("java-busy-response.bin", Kind::Response, 503),
        ("java-throw-response.bin", Kind::Response, 500),
        ("java-heartbeat-request.bin", Kind::Heartbeat, 200),
        ("java-heartbeat-response.bin", Kind::HeartbeatAck, 200),
        ("node-heartbeat-request.bin", Kind::Heartbeat, 200),
    ];
    for folder in ["bolt", "boltv2"] {
        for (name, kind, status) in cases {
            let (frame, _) = decode(&V1, &golden(folder, name));
            assert_eq!((frame.kind, frame.status), (kind, status), "{folder}/{name}");
        }
    }
}

#[test]
fn fields_tell_what_is_called() {
    let (frame, fields) = decode(&V1, &golden("bolt", "java-headers-request.bin"));
    assert_eq!(
        texts(&frame.raw, &fields),
        text(&[
            ("service", "mecha.peers.Echo"),
            ("method", "echo"),
            ("version", "1.0"),
            ("class", "mecha.peers.bolt.Call"),
            ("service", "mecha.peers.Echo:1.0"),
            ("sofa_head_method_name", "echo"),
            ("empty", ""),
            ("nameé", "值"),
            ("mixed Case", "a=b; c"),
        ])
    );
    assert_eq!((frame.timeout, frame.serialization), (Duration::from_secs(3), HESSIAN2));
    // sofa-rpc-node tells the method in the content alone.
    let frame = golden("bolt", "node-id-request.bin");
    let (_, fields) = decode(&V1, &frame);
    assert_eq!(texts(&frame, &fields)[..2], text(&[("service", "mecha.peers.sofa.Peer"), ("method", "id")]));
}

#[test]
fn services_are_read_as_sofarpc_writes_them() {
    type Pairs<T> = &'static [(T, T)];
    let cases: &[(Pairs<&[u8]>, Pairs<&str>)] = &[
        (&[(b"service", b"a.B")], &[("service", "a.B")]),
        (&[(b"service", b"a.B:")], &[("service", "a.B")]),
        (&[(b"service", b"a.B:1.0:blue")], &[("service", "a.B"), ("version", "1.0")]),
        (
            &[(b"service", b"x"), (b"sofa_head_target_service", b"a.B:2")],
            &[("service", "a.B"), ("version", "2")],
        ),
        (&[(b"method", b"m")], &[("method", "m")]),
        (&[(b"method", b"m"), (b"sofa_head_method_name", b"n")], &[("method", "n")]),
        (&[], &[]),
    ];
    for (fields, expected) in cases {
        let frame = written(&Request { fields, ..Request::default() });
        let (frame, read) = decode(&V1, &frame);
        assert_eq!(texts(&frame.raw, &read[..expected.len()]), text(expected));
        assert_eq!(read.len(), expected.len() + fields.len());
    }
}

#[test]
fn a_timeout_below_zero_is_none() {
    let (frame, _) = decode(&V1, &golden("bolt", "java-heartbeat-request.bin"));
    assert_eq!(frame.timeout, Duration::ZERO);
    let day = Request { timeout: Duration::from_secs(86_400), ..Request::default() };
    assert_eq!(decode(&V1, &written(&day)).0.timeout, day.timeout);
    let ever = Request { timeout: Duration::MAX, ..Request::default() };
    assert_eq!(decode(&V1, &written(&ever)).0.timeout, Duration::from_millis(i32::MAX as u64));
}

#[test]
fn a_block_in_another_format_travels_as_it_came() {
    let frame =
        written(&Request { class: b"C", fields: &[(b"ab", b"cd")], content: b"!", ..Request::default() });
    // The length of the first name is longer than the block.
    let at = frame.len() - 1 - 12;
    let mut strange = frame.to_vec();
    strange[at + 3] = 0xee;
    let (frame, fields) = decode(&V1, &strange);
    assert_eq!(texts(&strange, &fields), text(&[("class", "C")]));
    let forwarded = forward(&V1, &frame, 0, Some(&[view("x", "y")])).unwrap();
    assert_eq!(forwarded, strange);
}

#[test]
fn pairs_that_are_no_fields_outlive_changes() {
    let mut frame =
        written(&Request { fields: &[(b"a", b"1"), (b"gone", b"")], ..Request::default() }).to_vec();
    let at = frame.len() - 4;
    frame[at..].copy_from_slice(&u32::MAX.to_be_bytes());
    let (envelope, fields) = decode(&V1, &frame);
    assert_eq!(texts(&frame, &fields), text(&[("a", "1")]));
    assert_eq!(forward(&V1, &envelope, 0, Some(&views(&frame, &fields))).unwrap(), frame);
    let other = forward(&V1, &envelope, 0, Some(&[view("b", "22")])).unwrap();
    assert!(other.ends_with(b"\0\0\0\x01b\0\0\0\x0222\0\0\0\x04gone\xff\xff\xff\xff"));
}

#[test]
fn what_is_set_reaches_the_block() {
    let service: &[(&[u8], &[u8])] = &[(b"service", b"a.B:1.0"), (b"x", b"1")];
    let as_read = changed(service, |_| ());
    assert_eq!(as_read, text(&[("service", "a.B:1.0"), ("x", "1")]));
    // A field that is set replaces all of its name where the first stood, which is the one that was derived.
    let set = changed(service, |fields| {
        fields.retain(|field| field.own || field.name != b"service");
        fields[0].value = b"c.D";
    });
    assert_eq!(set, text(&[("service", "c.D"), ("x", "1")]));
    let removed = changed(service, |fields| fields.retain(|field| field.name != b"service"));
    assert_eq!(removed, text(&[("x", "1")]));
    let target: &[(&[u8], &[u8])] = &[(b"sofa_head_target_service", b"a.B:1.0")];
    assert_eq!(changed(target, |_| ()), text(&[("sofa_head_target_service", "a.B:1.0")]));
    let set = changed(target, |fields| fields[0].value = b"c.D");
    assert_eq!(set, text(&[("service", "c.D"), ("sofa_head_target_service", "a.B:1.0")]));
    let added = changed(&[], |fields| fields.push(view("added", "1")));
    assert_eq!(added, text(&[("added", "1")]));
}

#[test]
fn fields_that_are_too_long_are_refused() {
    let (frame, _) = decode(&V1, &written(&Request { content: b"body", ..Request::default() }));
    let long = "x".repeat(LONGEST_PART - 9);
    assert!(forward(&V1, &frame, 1, Some(&[view("y", &long)])).is_ok());
    assert!(forward(&V1, &frame, 1, Some(&[view("yy", &long)])).is_err());
    let mut out = BytesMut::from(&b"before"[..]);
    let fields: &[(&[u8], &[u8])] = &[(b"yy", long.as_bytes())];
    assert!(Request { fields, ..Request::default() }.write(&mut out).is_err());
    assert!(Response { class: &[b'c'; 1 << 15], ..Response::default() }.write(&mut out).is_err());
    assert_eq!(out, b"before"[..]);
}

#[test]
fn a_checksum_follows_the_number_and_the_fields() {
    let frame = golden("boltv2", "java-headers-request-crc.bin");
    let (envelope, _) = decode(&V2, &frame);
    for fields in [None, Some(&[view("a", "b")][..])] {
        let other = forward(&V2, &envelope, 77, fields).unwrap();
        let (body, sum) = other.split_last_chunk::<4>().unwrap();
        assert_eq!(crc32fast::hash(body), u32::from_be_bytes(*sum));
        assert_eq!(decode(&V2, &other).0.id, 77);
    }
    let mut broken = frame;
    broken[40] ^= 1;
    let error = refused(&V2, &broken, Limits::default());
    assert!(error.reason.contains("checksum") && error.request.is_none());
}

#[test]
fn failures_are_answered_in_the_way_of_the_request() {
    let cases = [
        ("bolt", "java-sync-request.bin", 20),
        ("boltv2", "java-sync-request.bin", 22),
        ("boltv2", "java-sync-request-crc.bin", 26),
    ];
    for (folder, name, len) in cases {
        let (asked, _) = decode(&V1, &golden(folder, name));
        let mut out = BytesMut::from(&b"earlier"[..]);
        V1.reply(&asked, 504, "it took too long", &mut out);
        let (answer, fields) = decode(&V1, &out[7..]);
        assert_eq!((answer.kind, answer.id, answer.code, answer.status), (Kind::Response, asked.id, 7, 504));
        assert_eq!((answer.raw.len(), answer.protocol, fields.len()), (len, asked.protocol, 0));
    }
    // What a Java server itself says when it is busy, but for its version of the command.
    let (asked, _) = decode(&V1, &golden("bolt", "java-busy-request.bin"));
    let mut out = BytesMut::new();
    V1.reply(&asked, 503, "", &mut out);
    assert_eq!(out, golden("bolt", "java-busy-response.bin"));
}

#[test]
fn heartbeats_and_their_answers_are_those_of_real_peers() {
    for (folder, codec) in [("bolt", &V1), ("boltv2", &V2)] {
        for peer in ["java-heartbeat", "node-heartbeat"] {
            let (theirs, _) = decode(codec, &golden(folder, &format!("{peer}-request.bin")));
            let mut out = BytesMut::new();
            codec.heartbeat_ack(&theirs, &mut out);
            assert_eq!(out, golden(folder, &format!("{peer}-response.bin")), "{folder} {peer}");
        }
        let mut out = BytesMut::new();
        assert!(codec.heartbeat(5, &mut out));
        let (ours, _) = decode(codec, &out);
        assert_eq!((ours.kind, ours.id, ours.protocol), (Kind::Heartbeat, 5, codec.protocol()));
        out.clear();
        assert!(codec.go_away(6, &mut out));
        let (ours, _) = decode(codec, &out);
        assert_eq!((ours.kind, ours.id, ours.protocol), (Kind::GoAway, 6, codec.protocol()));
    }
    let (theirs, _) = decode(&V2, &golden("boltv2", "node-heartbeat-request-crc.bin"));
    let mut out = BytesMut::new();
    V2.heartbeat_ack(&theirs, &mut out);
    assert_eq!(out, golden("boltv2", "node-heartbeat-response-crc.bin"));
}

#[test]
fn a_length_beyond_the_limit_is_refused_at_once() {
    let mut bomb = written(&Request { id: 77, ..Request::default() });
    bomb[18..22].copy_from_slice(&u32::MAX.to_be_bytes());
    let error = refused(&V1, &bomb[..22], Limits::default());
    let asked = error.request.expect("its sender can be told");
    assert_eq!((asked.id, asked.kind, asked.payload()), (77, Kind::Request, &b""[..]));
    let mut out = BytesMut::new();
    V1.reply(&asked, 413, "", &mut out);
    assert_eq!(decode(&V1, &out).0.id, 77);
    let frame = written(&Request { content: b"1234", ..Request::default() });
    assert_eq!(refused(&V1, &frame, Limits { frame: frame.len() - 1 }).reason, TOO_LARGE.reason);
    assert_eq!(refused(&V1, b"\x01", Limits { frame: 19 }).reason, TOO_LARGE.reason);
    for (input, reason) in
        [(&b"\x03"[..], "neither 1 nor 2"), (b"\x01\x03", "type"), (b"\x02\x01\x03", "type")]
    {
        assert!(refused(&V1, input, Limits::default()).reason.contains(reason));
    }
}

#[test]
fn a_connection_opens_with_version_type_and_command() {
    use Verdict::{Match, More, NoMatch};
    let cases: &[(&[u8], Verdict, Verdict)] = &[
        (b"", More, More),
        (b"\x01", More, NoMatch),
        (b"\x01\x01\0", More, NoMatch),
        (b"\x01\x01\0\x01", Match, NoMatch),
        (b"\x01\x02\0\x01\x01", Match, NoMatch),
        (b"\x01\x01\0\x64", Match, NoMatch),
        (b"\x01\x01\0\x03", NoMatch, NoMatch),
        (b"\x01\x03", NoMatch, NoMatch),
        (b"\x01\0\x01", NoMatch, NoMatch),
        (b"\x02\x01\x01\0", NoMatch, More),
        (b"\x02\x02\x01\0\0", NoMatch, Match),
        (b"\x02\x01\x05", NoMatch, NoMatch),
        (b"G", NoMatch, NoMatch),
    ];
    for (input, first, second) in cases {
        assert_eq!((matches_v1(input), matches_v2(input)), (*first, *second), "{input:?}");
    }
}

fn pairs() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        Just(b"service".to_vec()),
        Just(b"method".to_vec()),
        Just(b"class".to_vec()),
    ];
    prop::collection::vec((name, prop::collection::vec(any::<u8>(), 0..300)), 0..6)
}

fn lent(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (&name[..], &value[..])).collect()
}

fn not_own<'a>(fields: &[FieldView<'a>]) -> Vec<(&'a [u8], &'a [u8])> {
    fields.iter().filter(|field| !field.own).map(|field| (field.name, field.value)).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id in any::<u32>(), fields in pairs(), other_fields in pairs(), checksum in any::<bool>(),
        second in any::<bool>(), content in prop::collection::vec(any::<u8>(), 0..400), status in any::<u16>(),
        class in prop::collection::vec(any::<u8>(), 0..40), is_request in any::<bool>(),
    ) {
        let (fields, other_fields) = (lent(&fields), lent(&other_fields));
        let protocol = if second { Protocol::BoltV2 } else { Protocol::Bolt };
        let (fields, content, class, id) = (&fields[..], &content[..], &class[..], u64::from(id));
        let mut out = BytesMut::new();
        if is_request {
            Request { protocol, checksum, id, class, fields, content, ..Request::default() }.write(&mut out)
        } else {
            Response { protocol, checksum, id, class, fields, content, status, ..Response::default() }.write(&mut out)
        }.unwrap();
        let (read, list) = decode(&V1, &out);
        prop_assert_eq!((read.id, read.payload(), read.protocol), (id, content, protocol));
        prop_assert_eq!(not_own(&views(&out, &list)), fields);
        prop_assert_eq!(forward(&V1, &read, id, Some(&views(&out, &list))).unwrap(), &out[..]);
        if !is_request {
            prop_assert_eq!((read.code, read.status), (status, http_status(status)));
        }

        let changed: Vec<_> = other_fields.iter().map(|(name, value)| FieldView { name, value, own: false }).collect();
        let other = forward(&V1, &read, 7, Some(&changed)).unwrap();
        let (read, list) = decode(&V1, &other);
        prop_assert_eq!((read.id, read.payload()), (7, content));
        prop_assert_eq!(not_own(&views(&other, &list)), other_fields);
    }

    #[test]
    fn garbage_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..400), second in any::<bool>()) {
        assert_survives(&V1, &bytes, &Limits { frame: 1 << 16 });
        if bytes.len() > 24 {
            // A head whose lengths fit, in front of anything.
            bytes[..4].copy_from_slice(if second { b"\x02\x01\x01\0" } else { b"\x01\x01\0\x01" });
            let lengths = if second { 16 } else { 14 };
            let rest = bytes.len() - lengths - 8;
            bytes[lengths..lengths + 8].copy_from_slice(&[0, 0, 0, rest as u8, 0, 0, 0, 0]);
            assert_survives(&V1, &bytes, &Limits { frame: 1 << 16 });
        }
    }
}

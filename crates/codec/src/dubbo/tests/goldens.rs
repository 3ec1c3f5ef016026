//! Frames of Dubbo's Java SDK (`goldens/dubbo/README.md`).

use super::*;
use crate::rpc::testing::{assert_golden, assert_survives_changes, goldens};

/// The frame in the file of this name.
fn golden(name: &str) -> Read {
    let file = format!("{name}.bin");
    read(&goldens("dubbo").into_iter().find(|(found, _)| *found == file).unwrap().1)
}

#[test]
fn every_captured_frame_comes_out_as_it_went_in() {
    for (name, bytes) in goldens("dubbo") {
        eprintln!("{name}");
        identity(&bytes);
    }
    for (name, bytes) in short_goldens() {
        eprintln!("{name}");
        assert_golden(&Dubbo, &bytes);
    }
}

/// Without the few in which every split and every byte would only take long.
fn short_goldens() -> impl Iterator<Item = (String, bytes::Bytes)> {
    goldens("dubbo").into_iter().filter(|(_, bytes)| bytes.len() < 4096)
}

#[test]
fn a_captured_frame_with_a_byte_changed_does_no_harm() {
    for (_, bytes) in short_goldens() {
        assert_survives_changes(&Dubbo, &bytes);
    }
}

#[test]
fn the_attachments_of_every_request_are_reached() {
    for (name, bytes) in goldens("dubbo") {
        let read = read(&bytes);
        let is_request = matches!(read.frame.kind, Kind::Request | Kind::OneWay);
        if is_request && read.frame.serialization == HESSIAN2 {
            let service = read.field("interface");
            assert!(service.is_some() && service == read.field("service"), "{name}: {:?}", read.texts());
            assert!(read.field("dubbo").is_some_and(|dubbo| dubbo.starts_with("2.")), "{name}");
            assert!(!read.frame.timeout.is_zero() || name.contains("python"), "{name}");
        }
        let is_answer = read.frame.kind == Kind::Response && read.frame.code == 20;
        if is_answer && read.frame.serialization == HESSIAN2 {
            // The Python client names a version of the protocol that knows no attachments in responses.
            assert_eq!(read.field("dubbo").is_some(), !name.contains("python"), "{name}");
            assert!(outcome(&read.frame).is_some(), "{name}");
        }
    }
}

#[test]
fn captured_frames_mean_what_their_names_say() {
    assert_eq!(golden("request-oneway").frame.kind, Kind::OneWay);
    assert_eq!(golden("request-int").field("method").as_deref(), Some("echoInt"));
    assert_eq!(golden("request-generic").field("method").as_deref(), Some("$invoke"));
    let unknown = golden("request-unknown-service");
    assert_eq!(unknown.field("group").as_deref(), Some("blue"));
    assert_eq!(unknown.field("version").as_deref(), Some("1.2.3"));
    assert_eq!(unknown.frame.timeout.as_millis(), 1234);
    assert_eq!(golden("response-unknown-service").frame.status, 400);
    assert_eq!(golden("response-refused").frame.status, 503);
    assert_eq!(outcome(&golden("response-null").frame), Some(Outcome::Null));
    assert_eq!(outcome(&golden("response-int").frame), Some(Outcome::Value));
    assert_eq!(outcome(&golden("response-exception-runtime").frame), Some(Outcome::Exception));
    let opaque = golden("request-fastjson2");
    assert!(opaque.fields.is_empty() && opaque.frame.payload().len() == opaque.frame.raw.len() - 16);
}

#[test]
fn events_are_written_as_java_writes_them() {
    let heartbeat = golden("heartbeat-request").frame;
    let ack = golden("heartbeat-response").frame;
    let read_only = golden("event-readonly").frame;
    assert_eq!(
        (heartbeat.kind, ack.kind, read_only.kind),
        (Kind::Heartbeat, Kind::HeartbeatAck, Kind::GoAway)
    );
    let mut out = BytesMut::new();
    assert!(Dubbo.heartbeat(heartbeat.id, &mut out));
    assert_eq!(out.split(), heartbeat.raw);
    Dubbo.heartbeat_ack(&heartbeat, &mut out);
    let expected = sent(&ack, heartbeat.id, None);
    assert_eq!(out.split(), expected[..]);
    assert!(Dubbo.go_away(read_only.id, &mut out));
    assert_eq!(out, read_only.raw);
}

#[test]
fn attachments_of_every_captured_frame_can_be_written_anew() {
    for (name, bytes) in goldens("dubbo") {
        let before = read(&bytes);
        if before.frame.fields_at.at == 0 {
            continue;
        }
        let mut fields = before.views();
        fields.push(FieldView { name: b"x-added", value: b"here", own: false });
        let after = read(&sent(&before.frame, 9, Some(&fields)));
        assert_eq!(after.field("x-added").as_deref(), Some("here"), "{name}");
        assert_eq!(after.frame.payload(), before.frame.payload(), "{name}");
        let mut expected = before.texts();
        expected.push(("x-added".to_owned(), "here".to_owned()));
        assert_eq!(after.texts(), expected, "{name}");
    }
}

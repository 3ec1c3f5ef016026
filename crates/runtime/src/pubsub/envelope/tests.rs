//! Tests of the envelope, by what subscribers read.

use serde_json::{Value, json};

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn envelope(data: &str, content_type: &str, metadata: &[(&str, &str)]) -> Value {
    bytes(data.as_bytes(), content_type, metadata).unwrap()
}

fn bytes(data: &[u8], content_type: &str, metadata: &[(&str, &str)]) -> Result<Value, serde_json::Error> {
    let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let trace = Trace { parent: PARENT.to_owned(), state: "a=b".to_owned() };
    let content = Content {
        pubsub: "bus",
        topic: "orders",
        app_id: "shop",
        data,
        content_type,
        metadata: &metadata,
        trace: &trace,
        expires: true,
        now: "2026-03-04T05:06:07.89Z".parse().unwrap(),
    };
    wrap(&content).map(|envelope| serde_json::from_slice(&envelope).unwrap())
}

#[test]
fn json_is_embedded_with_every_field_of_the_envelope() {
    assert_eq!(
        envelope(r#"{"n":1}"#, "application/json; charset=utf-8", &[("cloudevent.id", "1")]),
        json!({
            "id": "1", "source": "shop", "type": "com.dapr.event.sent", "specversion": "1.0",
            "datacontenttype": "application/json; charset=utf-8", "time": "2026-03-04T05:06:07Z",
            "topic": "orders", "pubsubname": "bus",
            "traceid": PARENT, "traceparent": PARENT, "tracestate": "a=b", "data": {"n": 1},
        })
    );
}

#[test]
fn each_message_has_an_id_of_its_own() {
    let ids = [(); 2].map(|()| envelope("x", "", &[])["id"].as_str().unwrap().parse::<Uuid>().unwrap());
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0].get_version_num(), 4);
}

#[test]
fn numbers_of_any_size_survive() {
    let data = r#"{"big":123456789012345678901234567890,"exact":0.1000000000000000055511151231257827}"#;
    let (metadata, trace) = (Metadata::new(), Trace::default());
    let content = Content {
        pubsub: "bus",
        topic: "t",
        app_id: "shop",
        data: data.as_bytes(),
        content_type: "application/json",
        metadata: &metadata,
        trace: &trace,
        expires: true,
        now: Timestamp::UNIX_EPOCH,
    };
    let text = String::from_utf8(wrap(&content).unwrap().to_vec()).unwrap();
    assert!(text.contains(data), "{text}");
}

#[test]
fn text_is_a_string_and_bytes_are_base64() {
    assert_eq!(envelope("hello", "", &[])["data"], "hello");
    assert_eq!(envelope("hello", "", &[])["datacontenttype"], "text/plain");
    assert_eq!(envelope("<a/>", "application/xml", &[])["data"], "<a/>");
    let binary = bytes(&[0xff, 0], "application/octet-stream", &[]).unwrap();
    assert_eq!((&binary["data_base64"], binary.get("data")), (&"/wA=".into(), None));
    assert_eq!(bytes(&[0xff, 0], "image/png", &[]).unwrap()["data_base64"], "/wA=", "nothing is lost");
}

#[test]
fn what_claims_to_be_json_and_is_none_goes_as_text() {
    assert_eq!(envelope("{oops", "application/json", &[])["data"], "{oops");
}

#[test]
fn metadata_overrides_attributes_but_not_where_it_goes() {
    let metadata = [
        ("cloudevent.source", "press"),
        ("cloudevent.type", "made"),
        ("cloudevent.subject", "s"),
        ("cloudevent.traceparent", "tp"),
        ("cloudevent.tracestate", "ts"),
        ("cloudevent.topic", "elsewhere"),
        ("cloudevent.data", "other"),
    ];
    let event = envelope("x", "", &metadata);
    let fields = ["source", "type", "subject", "traceid", "traceparent", "tracestate", "topic", "data"];
    let values = fields.map(|field| event[field].as_str().unwrap());
    assert_eq!(values, ["press", "made", "s", "tp", "tp", "ts", "orders", "x"]);
}

#[test]
fn a_cloud_event_of_the_application_is_kept_and_filled_in() {
    let event = r#"{"id":"7","source":"me","type":"mine","topic":"wrong","data":{"a":1},"custom":"yes","traceparent":"own"}"#;
    assert_eq!(
        envelope(event, "application/cloudevents+json; charset=utf-8", &[]),
        json!({
            "id": "7", "source": "me", "type": "mine", "specversion": "1.0", "data": {"a": 1}, "custom": "yes",
            "topic": "orders", "pubsubname": "bus", "traceid": PARENT, "traceparent": "own", "tracestate": "a=b",
        })
    );
    assert!(bytes(b"[]", "application/cloudevents+json", &[]).is_err());
}

#[test]
fn a_time_to_live_becomes_an_expiration() {
    assert_eq!(envelope("x", "", &[("ttlInSeconds", "60")])["expiration"], "2026-03-04T05:07:07Z");
    assert_eq!(envelope("{}", CLOUD_EVENT, &[("TTLinSeconds", "60")])["expiration"], "2026-03-04T05:07:07Z");
    for value in ["-1", "soon", ""] {
        assert_eq!(envelope("x", "", &[("ttlInSeconds", value)]).get("expiration"), None);
    }
}

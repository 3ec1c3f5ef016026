//! An application's gRPC server as the runtime calls it, through a worker's exchange and over a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dapr::dapr::proto::common::v1::http_extension::Verb;
use http::StatusCode;
use mecha_config::runtime::{HealthCheck, SubscriptionRule};
use mecha_runtime::channel::{
    AppChannel, BulkEvent, BulkTopicEntry, BulkTopicEvent, GrpcAnswer, TopicEvent, Verdict,
};
use mecha_runtime::{Body, GrpcCode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::app::App;
use crate::kit::{Sidecar, soon};

const TOKEN: &str = "dapr-api-token";

async fn sidecar(app: &App) -> Sidecar {
    Sidecar::before(app.address, |config| config.app.token = Some("of-the-app".to_owned())).await
}

fn channel(sidecar: &Sidecar) -> Arc<dyn AppChannel> {
    sidecar.runtime.channel().unwrap().clone()
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn event(path: &str, envelope: &Value) -> TopicEvent {
    TopicEvent {
        pubsub: "pubsub".into(),
        topic: "orders".to_owned(),
        path: path.to_owned(),
        body: envelope.to_string().into(),
        envelope: Arc::new(map(envelope)),
        metadata: BTreeMap::from([("x-partition".to_owned(), "3".to_owned())]),
    }
}

#[tokio::test]
async fn an_invocation_becomes_a_message_and_its_answer_a_response() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let request = http::Request::put("/orders/a%20b?x=1&y=2")
        .header("content-type", "application/json")
        .header("x-mine", "1")
        .header("dapr-api-token", "of-somebody")
        .header("traceparent", "00-11111111111111111111111111111111-2222222222222222-01")
        .body(Body::from("{}".to_owned()))
        .unwrap();
    let response = soon(channel(&sidecar).invoke(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.headers()["x-answer"], "yes");
    assert_eq!(response.extensions().get(), Some(&GrpcAnswer::default()));
    assert_eq!(response.into_body().read(1024).await.unwrap(), "got {}");

    let (message, metadata) = app.told.invoked.lock().pop().unwrap();
    assert_eq!((message.method.as_str(), message.content_type.as_str()), ("orders/a b", "application/json"));
    let extension = message.http_extension.unwrap();
    assert_eq!((extension.verb(), extension.querystring.as_str()), (Verb::Put, "x=1&y=2"));
    assert_eq!(metadata.get("x-mine").unwrap(), "1");
    assert_eq!(metadata.get("dapr-content-type").unwrap(), "application/json");
    assert_eq!(metadata.get(TOKEN).unwrap(), "of-the-app");
    assert!(metadata.contains_key("traceparent"));
}

#[tokio::test]
async fn an_error_of_the_application_has_both_forms() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let request = http::Request::get("/missing").body(Body::empty()).unwrap();
    let response = soon(channel(&sidecar).invoke(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let answer = response.extensions().get::<GrpcAnswer>().unwrap().clone();
    assert_eq!(
        (answer.code, answer.message.as_str(), &answer.details[..]),
        (5, "no such order", &b"\x08\x05"[..])
    );
    let body = response.into_body().read(1024).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({ "code": 5, "message": "no such order" }));
}

#[tokio::test]
async fn an_event_has_its_fields_and_extensions() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    let envelope = json!({
        "id": "1", "source": "shop", "type": "a", "specversion": "1.0", "datacontenttype": "application/json",
        "topic": "orders", "pubsubname": "pubsub", "traceparent": traceparent, "level": 3, "data": {"n": [1, null]},
    });
    let verdict = soon(channel(&sidecar).topic_event(event("/a", &envelope))).await.unwrap();
    assert_eq!(verdict, Verdict::Success);
    let (told, metadata) = app.told.events.lock().pop().unwrap();
    assert_eq!((told.id.as_str(), told.source.as_str(), told.r#type.as_str()), ("1", "shop", "a"));
    assert_eq!(
        (told.path.as_str(), told.topic.as_str(), told.pubsub_name.as_str()),
        ("/a", "orders", "pubsub")
    );
    assert_eq!((told.spec_version.as_str(), told.data.as_slice()), ("1.0", &br#"{"n":[1,null]}"#[..]));
    let mut names: Vec<_> = told.extensions.unwrap().fields.into_keys().collect();
    names.sort();
    assert_eq!(names, ["level", "pubsubname", "topic", "traceparent"]);
    assert_eq!(metadata.get("x-partition").unwrap(), "3");
    assert_eq!(metadata.get("traceparent").unwrap(), traceparent);
    assert_eq!(metadata.get(TOKEN).unwrap(), "of-the-app");
}

#[tokio::test]
async fn the_answer_decides_what_becomes_of_an_event() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let channel = channel(&sidecar);
    let deliver =
        |path: &'static str| soon(channel.topic_event(event(path, &json!({ "id": "1", "data": "x" }))));
    assert_eq!(deliver("/retry").await, Ok(Verdict::Retry));
    assert_eq!(deliver("/drop").await, Ok(Verdict::Drop));
    assert_eq!(deliver("/unimplemented").await, Ok(Verdict::Drop), "nobody is there for it");
    assert!(deliver("/strange").await.is_err(), "an unknown status is delivered again");
    let error = deliver("/broken").await.unwrap_err();
    assert_eq!((error.grpc(), error.http()), (GrpcCode::Unavailable, 503), "policies choose by the code");
}

#[tokio::test]
async fn several_events_fall_back_to_the_older_method() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let envelope = json!({ "id": "1", "datacontenttype": "text/plain", "data": "hello", "subject": "s" });
    let entry = |id: &str, event| BulkTopicEntry {
        id: id.to_owned(),
        event,
        content_type: "application/cloudevents+json".to_owned(),
        metadata: BTreeMap::new(),
    };
    let entries = vec![
        entry("a", BulkEvent::Envelope(Arc::new(map(&envelope)))),
        entry("b", BulkEvent::Raw("raw".into())),
        entry("c", BulkEvent::Raw("raw".into())),
    ];
    let bulk = BulkTopicEvent {
        id: "bulk".to_owned(),
        pubsub: "pubsub".into(),
        topic: "orders".to_owned(),
        path: "/all".to_owned(),
        entries,
        metadata: BTreeMap::new(),
    };
    let verdicts = soon(channel(&sidecar).bulk_topic_event(bulk)).await.unwrap();
    let expected = BTreeMap::from([("a".to_owned(), Verdict::Success), ("b".to_owned(), Verdict::Retry)]);
    assert_eq!(verdicts, expected);
    let told = app.told.bulks.lock().pop().unwrap();
    assert_eq!((told.r#type.as_str(), told.path.as_str()), ("com.dapr.event.sent.bulk", "/all"));
    use dapr::dapr::proto::runtime::v1::topic_event_bulk_request_entry::Event;
    match &told.entries[0].event {
        Some(Event::CloudEvent(event)) => assert_eq!(event.data, b"hello"),
        other => panic!("{other:?} instead of a CloudEvent"),
    }
    assert_eq!(told.entries[1].event, Some(Event::Bytes(b"raw".to_vec())));
}

#[tokio::test]
async fn an_application_declares_its_subscriptions() {
    let app = App::start().await;
    let sidecar = sidecar(&app).await;
    let wishes = soon(channel(&sidecar).subscriptions()).await.unwrap();
    let [plain, routed] = wishes.as_slice() else { panic!("{wishes:?}") };
    assert_eq!(plain.rules, [SubscriptionRule::default()], "everything goes to the one method");
    assert_eq!((plain.dead_letter.as_deref(), plain.bulk), (None, None));
    let rule =
        |matches: &str, path: &str| SubscriptionRule { matches: matches.to_owned(), path: path.to_owned() };
    assert_eq!(routed.rules, [rule("event.type == 'a'", "/a"), rule("", "/rest")]);
    assert_eq!(routed.dead_letter.as_deref(), Some("dead"));
    let bulk = routed.bulk.unwrap();
    assert_eq!((bulk.max_messages, bulk.max_await), (7, Duration::from_secs(1)));
    assert_eq!(routed.metadata["rawPayload"], "true");
}

#[tokio::test]
async fn an_application_is_asked_for_its_health() {
    let app = App::start().await;
    let health = HealthCheck {
        path: String::new(),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        threshold: 1,
    };
    let healthy = Sidecar::before(app.address, |config| config.app.health = Some(health.clone())).await;
    soon(channel(&healthy).probe()).await.unwrap();
    assert_eq!(app.told.checks.lock().len(), 1);
    let gone = Sidecar::before(nobody().await, |config| config.app.health = Some(health)).await;
    soon(channel(&gone).probe()).await.unwrap_err();
}

#[tokio::test]
async fn nobody_there_is_no_answer_of_the_application() {
    let sidecar = Sidecar::before(nobody().await, |_| ()).await;
    let request = http::Request::get("/x").body(Body::empty()).unwrap();
    let error = soon(channel(&sidecar).invoke(request)).await.err().unwrap();
    assert_eq!((error.code(), error.grpc()), ("ERR_DIRECT_INVOKE", GrpcCode::Unavailable));
    soon(channel(&sidecar).topic_event(event("/", &json!({ "id": "1" })))).await.unwrap_err();
    soon(channel(&sidecar).subscriptions()).await.unwrap_err();
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

//! Publishing.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Request;
use mecha_component::pubsub::{Handler, Message, SubscribeRequest, Subscription};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Fixture;

struct Ear(mpsc::UnboundedSender<Message>);

impl Handler for Ear {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<mecha_component::Result<()>>> {
        let count = messages.len();
        messages.into_iter().for_each(|message| self.0.send(message).unwrap());
        Box::pin(async move { (0..count).map(|_| Ok(())).collect() })
    }
}

async fn listen(api: &Fixture, topic: &str) -> (mpsc::UnboundedReceiver<Message>, Arc<dyn Subscription>) {
    let (tell, heard) = mpsc::unbounded_channel();
    let request = SubscribeRequest { topic: topic.to_owned(), ..SubscribeRequest::default() };
    let broker = api.runtime.components().pubsub("bus").unwrap();
    let subscription = broker.driver.subscribe(request, Arc::new(Ear(tell))).await.unwrap();
    (heard, subscription)
}

fn event(message: &Message) -> Value {
    serde_json::from_slice(&message.data).unwrap()
}

#[tokio::test]
async fn a_message_gets_an_envelope() {
    let api = Fixture::new().await;
    let (mut heard, _subscription) = listen(&api, "a/b").await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::post("/v1.0/publish/bus/a/b?metadata.cloudevent.id=7")
        .header("content-type", "application/json")
        .header("traceparent", trace);
    api.send(request.body(r#"{"x":1}"#.to_owned().into()).unwrap()).await.is_empty();
    let event = event(&heard.recv().await.unwrap());
    assert_eq!(event["data"], json!({"x": 1}));
    let told = [("id", "7"), ("topic", "a/b"), ("pubsubname", "bus"), ("source", "orders")];
    for (field, value) in told {
        assert_eq!(event[field], value, "{field}");
    }
    let parent = event["traceparent"].as_str().unwrap();
    assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{parent}");
}

#[tokio::test]
async fn a_raw_message_has_none() {
    let api = Fixture::new().await;
    let (mut heard, _subscription) = listen(&api, "t").await;
    api.call("PUT", "/v1.0/publish/bus/t?metadata.rawPayload=true", "as it is").await.is_empty();
    assert_eq!(heard.recv().await.unwrap().data, "as it is");
    let wrong = api.post("/v1.0/publish/bus/t?metadata.rawPayload=perhaps", "x").await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.json()["errorCode"]),
        (400, &json!("ERR_PUBSUB_REQUEST_METADATA"))
    );
}

#[tokio::test]
async fn several_messages_are_published_at_once() {
    let api = Fixture::new().await;
    for version in ["v1.0", "v1.0-alpha1"] {
        let (mut heard, _subscription) = listen(&api, "t").await;
        let entries = json!([
            {"entryId": "1", "event": "text", "contentType": "text/plain"},
            {"entryId": "2", "event": {"n": 2}, "contentType": "application/json", "metadata": {"cloudevent.id": "c2"}},
        ]);
        api.post(&format!("/{version}/publish/bulk/bus/t"), &entries.to_string()).await.is_empty();
        let mut data = Vec::new();
        for _ in 0..2 {
            data.push(event(&heard.recv().await.unwrap())["data"].clone());
        }
        assert!(data.contains(&json!("text")) && data.contains(&json!({"n": 2})), "{data:?}");
    }
    let twice = json!([
        {"entryId": "1", "event": "a", "contentType": "text/plain"},
        {"entryId": "1", "event": "b", "contentType": "text/plain"},
    ]);
    let refused = api.post("/v1.0/publish/bulk/bus/t", &twice.to_string()).await;
    let why = "error marshaling events to bytes for topic t pubsub bus. error: \
               entryId is duplicated or not present for entry";
    refused.is_error(400, "ERR_PUBSUB_EVENTS_SER", why);
    let unreadable = api.post("/v1.0/publish/bulk/bus/t", "{}").await;
    assert_eq!(unreadable.json()["errorCode"], "ERR_PUBSUB_EVENTS_SER");
}

#[tokio::test]
async fn an_unknown_broker_is_not_found() {
    let api = Fixture::new().await;
    let missing = api.post("/v1.0/publish/nope/t", "x").await;
    missing.is_error(404, "ERR_PUBSUB_NOT_FOUND", "pubsub nope is not found");
    assert_eq!(missing.json()["details"][0]["reason"], "DAPR_PUBSUB_NOT_FOUND");
    let no_event =
        Request::post("/v1.0/publish/bus/t").header("content-type", "application/cloudevents+json");
    let refused = api.send(no_event.body("{".to_owned().into()).unwrap()).await;
    refused.is_error(500, "ERR_PUBSUB_CLOUD_EVENTS_SER", "cannot create cloudevent");
}

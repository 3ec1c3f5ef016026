//! The calls of Dapr's HTTP API that the quickstart makes, in the place of the application `service-a`, and what each must
//! answer (Dapr's reference, sections 1.2 to 1.5).

use http::StatusCode;
use serde_json::{Value, json};

use super::super::client::{Client, Reply};
use super::super::resources::{PUBSUB, ROUTE, SECRET, SECRET_STORE, STORE, TOPIC};
use super::super::service::{self, INBOX};
use super::expect_text;

const JSON: &str = "application/json";
/// An event that is one already keeps the id that its publisher chose.
const EVENT: &str = "application/cloudevents+json";

/// Writes a value, reads it and its etag, writes with that etag, and is refused when it tries the old etag once more.
pub(super) async fn state(client: &mut Client, key: &str) -> Result<(), String> {
    let path = format!("/v1.0/state/{STORE}");
    let first = json!([{ "key": key, "value": { "stock": 1 } }]);
    expect(&client.post(&path, JSON, first.to_string()).await?, StatusCode::NO_CONTENT)?;
    let read = client.get(&format!("{path}/{key}")).await?;
    expect(&read, StatusCode::OK)?;
    let etag = read.headers.get(http::header::ETAG).and_then(|etag| etag.to_str().ok());
    let etag = etag.ok_or("the answer has no etag")?.to_owned();
    if value(&read) != json!({ "stock": 1 }) {
        return Err(format!("expected the value that was set, got {}", text(&read)));
    }
    let second = json!([{
        "key": key,
        "value": { "stock": 2 },
        "etag": etag,
        "options": { "concurrency": "first-write" },
    }])
    .to_string();
    expect(&client.post(&path, JSON, second.clone()).await?, StatusCode::NO_CONTENT)?;
    expect(&client.post(&path, JSON, second).await?, StatusCode::CONFLICT)
}

/// Publishes an event and asks the subscriber, by way of its runtime, for the one with this id.
pub(super) async fn message(client: &mut Client, id: &str) -> Result<(), String> {
    let data = format!("order {id}");
    let event = json!({
        "specversion": "1.0",
        "id": id,
        "source": "quickstart",
        "type": "mecha.quickstart.order",
        "datacontenttype": "text/plain",
        "data": data,
    });
    let path = format!("/v1.0/publish/{PUBSUB}/{TOPIC}");
    expect(&client.post(&path, EVENT, event.to_string()).await?, StatusCode::NO_CONTENT)?;
    let path = format!("/v1.0/invoke/{}/method{INBOX}{id}", service::NAMES[0]);
    match expect_text(&client.get(&path).await?)? {
        seen if seen == data => Ok(()),
        seen => Err(format!("{ROUTE} should have been given {data:?}, and was given {seen:?}")),
    }
}

/// Calls the other application through both runtimes; it must say its own name.
pub(super) async fn invocation(client: &mut Client) -> Result<&'static str, String> {
    let name = service::NAMES[1];
    let text = expect_text(&client.get(&format!("/v1.0/invoke/{name}/method/hello?from=quickstart")).await?)?;
    if text == format!("{name} answered GET /hello over HTTP/1.1\n") {
        Ok(name)
    } else {
        Err(format!("expected an answer of {name} to GET /hello, got {text:?}"))
    }
}

/// Reads the secret.
pub(super) async fn secret(client: &mut Client) -> Result<(), String> {
    let (name, expected) = SECRET;
    let reply = client.get(&format!("/v1.0/secrets/{SECRET_STORE}/{name}")).await?;
    expect(&reply, StatusCode::OK)?;
    if value(&reply) == json!({ name: expected }) {
        Ok(())
    } else {
        Err(format!("expected the secret {expected:?}, got {}", text(&reply)))
    }
}

fn expect(reply: &Reply, status: StatusCode) -> Result<(), String> {
    if reply.status == status {
        Ok(())
    } else {
        Err(format!("expected status {status}, got {}: {}", reply.status, text(reply)))
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// The body's JSON; null when it is none.
fn value(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

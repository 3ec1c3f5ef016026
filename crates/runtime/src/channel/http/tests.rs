//! Tests of the HTTP channel: the requests that the application sees, and what its answers mean.

use std::collections::VecDeque;
use std::time::Duration;

use mecha_config::runtime::HealthCheck;
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::channel::{BulkEvent, BulkTopicEntry};
use crate::testing;

/// A request as the application sees it.
struct Seen {
    head: http::request::Parts,
    body: Bytes,
}

/// An application that gives answers in turn.
struct Server {
    channel: HttpChannel,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: Arc<Runtime>,
}

fn server(edit: impl FnOnce(&mut config::App), answers: &[(u16, &'static str)]) -> Server {
    let mut config = testing::config();
    config.app.port = Some(8080);
    config.app.token = Some("secret".into());
    edit(&mut config.app);
    let runtime = testing::runtime_of(config, Default::default());
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
    let log = seen.clone();
    let send: Send = Arc::new(move |request: Request<Body>| {
        let (log, answers) = (log.clone(), answers.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.read(1 << 20).await.unwrap();
            log.lock().push(Seen { head, body });
            let (status, answer) = answers.lock().pop_front().expect("an answer");
            if status == 0 {
                return Err(mecha_base::Error::local(mecha_base::Kind::Shutdown, "nobody there"));
            }
            let mut response = Response::new(Body::from(Bytes::from_static(answer.as_bytes())));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(response)
        })
    });
    Server { channel: HttpChannel::over(&runtime, send), seen, _runtime: runtime }
}

fn event() -> TopicEvent {
    let envelope = json!({"id": "7", "traceparent": "00-aa-bb-01", "tracestate": "a=b"});
    TopicEvent {
        pubsub: "bus".into(),
        topic: "orders".into(),
        path: "on/orders".into(),
        body: Bytes::from(envelope.to_string()),
        envelope: Arc::new(envelope.as_object().unwrap().clone()),
        metadata: BTreeMap::from([
            ("offset".into(), "1".into()),
            ("Content-Type".into(), "text/plain".into()),
        ]),
    }
}

#[tokio::test]
async fn an_event_is_posted_with_its_headers() {
    let server = server(|_| {}, &[(200, "")]);
    assert_eq!(server.channel.topic_event(event()).await, Ok(Verdict::Success));
    let seen = server.seen.lock();
    let head = &seen[0].head;
    assert_eq!(
        (head.method.as_str(), head.uri.to_string().as_str()),
        ("POST", "http://127.0.0.1:8080/on/orders")
    );
    let header =
        |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let names = ["content-type", "dapr-api-token", "traceparent", "tracestate", "offset", "pubsubname"];
    let expected = ["application/cloudevents+json", "secret", "00-aa-bb-01", "a=b", "1", "bus"];
    assert_eq!(names.map(header), expected);
    assert_eq!(seen[0].body, event().body);
}

#[tokio::test]
async fn a_404_that_nobody_answered_is_not_the_application_dropping_the_event() {
    let runtime = testing::runtime_of(testing::config(), Default::default());
    let send: Send = Arc::new(|_| {
        Box::pin(async {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            let message = "no route".to_owned();
            response.extensions_mut().insert(Unanswered { kind: mecha_base::Kind::NoRoute, message });
            Ok(response)
        })
    });
    let error = HttpChannel::over(&runtime, send).topic_event(event()).await.unwrap_err();
    assert!(error.message().ends_with("no route"), "{error}");
}

#[tokio::test]
async fn answers_become_verdicts() {
    let again = |status| Err(status);
    let cases = [
        ((200, ""), Ok(Verdict::Success)),
        ((204, ""), Ok(Verdict::Success)),
        ((200, "thanks"), Ok(Verdict::Success)),
        ((200, r#"{"status":""}"#), Ok(Verdict::Success)),
        ((200, r#"{"status":"SUCCESS"}"#), Ok(Verdict::Success)),
        ((201, r#"{"status":"RETRY"}"#), Ok(Verdict::Retry)),
        ((200, r#"{"status":"DROP"}"#), Ok(Verdict::Drop)),
        ((200, r#"{"status":"LATER"}"#), again(500)),
        ((404, ""), Ok(Verdict::Drop)),
        ((400, ""), again(400)),
        ((302, ""), again(302)),
        ((503, "busy"), again(503)),
        ((0, ""), again(500)),
    ];
    for (answer, expected) in cases {
        let server = server(|_| {}, &[answer]);
        let verdict = server.channel.topic_event(event()).await.map_err(|error| error.http());
        assert_eq!(verdict, expected, "{answer:?}");
    }
}

fn bulk() -> BulkTopicEvent {
    let entry = |id: &str, event| BulkTopicEntry {
        id: id.into(),
        event,
        content_type: "kind".into(),
        metadata: BTreeMap::new(),
    };
    let envelope = json!({"id": "7"}).as_object().unwrap().clone();
    BulkTopicEvent {
        id: "b".into(),
        pubsub: "bus".into(),
        topic: "orders".into(),
        path: "/bulk".into(),
        entries: vec![
            entry("1", BulkEvent::Envelope(Arc::new(envelope))),
            entry("2", BulkEvent::Raw(Bytes::from_static(b"x"))),
        ],
        metadata: BTreeMap::from([("pubsubName".into(), "bus".into())]),
    }
}

#[tokio::test]
async fn a_bulk_is_posted_as_one_envelope() {
    let answer = r#"{"statuses":[{"entryId":"1","status":"SUCCESS"},{"entryId":"2","status":"LATER"},{"entryId":"9","status":"SUCCESS"}]}"#;
    let server = server(|_| {}, &[(200, answer)]);
    let verdicts = server.channel.bulk_topic_event(bulk()).await.unwrap();
    assert_eq!(verdicts, BTreeMap::from([("1".into(), Verdict::Success), ("2".into(), Verdict::Retry)]));
    let seen = server.seen.lock();
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(
        body,
        json!({
            "id": "b", "topic": "orders", "pubsubname": "bus", "type": "com.dapr.event.sent.bulk",
            "metadata": {"pubsubName": "bus"},
            "entries": [
                {"entryId": "1", "event": {"id": "7"}, "contentType": "kind", "metadata": {}},
                {"entryId": "2", "event": "eA==", "contentType": "kind", "metadata": {}},
            ],
        })
    );
    assert_eq!(seen[0].head.headers[CONTENT_TYPE], "application/json");
}

#[tokio::test]
async fn a_bulk_as_a_whole_is_dropped_by_404_and_comes_again_by_other_failures() {
    let server = server(|_| {}, &[(404, ""), (500, ""), (200, "thanks")]);
    let verdicts = server.channel.bulk_topic_event(bulk()).await.unwrap();
    assert!(verdicts.len() == 2 && verdicts.values().all(|verdict| *verdict == Verdict::Drop));
    for _ in 0..2 {
        assert!(server.channel.bulk_topic_event(bulk()).await.is_err());
    }
}

#[tokio::test]
async fn wishes_and_configuration_are_asked_for() {
    let wishes = r#"[{"pubsubname":"bus","topic":"orders","route":"/orders"}]"#;
    let answers =
        [(200, wishes), (404, ""), (500, ""), (200, "{}"), (200, r#"{"entities":["a"]}"#), (404, "")];
    let server = server(|_| {}, &answers);
    assert_eq!(server.channel.subscriptions().await.unwrap()[0].topic, "orders");
    assert_eq!(server.channel.subscriptions().await.unwrap(), []);
    let error = server.channel.subscriptions().await.unwrap_err();
    assert_eq!(error.message(), "app returned http status code 500 from subscription endpoint");
    assert!(server.channel.subscriptions().await.unwrap_err().message().contains("expected an array"));
    assert_eq!(server.channel.config().await.unwrap(), json!({"entities": ["a"]}));
    assert_eq!(server.channel.config().await.unwrap(), Value::Null);
    let seen = server.seen.lock();
    assert_eq!(seen[0].head.uri.path(), "/dapr/subscribe");
    assert_eq!(
        (seen[4].head.uri.path(), &seen[4].head.headers["dapr-app-id"]),
        ("/dapr/config", &HeaderValue::from_static("orders"))
    );
}

#[tokio::test]
async fn a_probe_asks_the_health_path_and_needs_no_place() {
    let health = HealthCheck {
        path: "/alive".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        threshold: 1,
    };
    let edit = |app: &mut config::App| (app.health, app.max_concurrency) = (Some(health), Some(1));
    let server = server(edit, &[(200, "held"), (204, ""), (500, "")]);
    let invocation = Request::builder().uri("http://other/a?b=c").header("host", "other").body(Body::empty());
    let held = server.channel.invoke(invocation.unwrap()).await.unwrap();
    assert!(server.channel.probe().await.is_ok());
    assert!(server.channel.probe().await.is_err());
    let seen = server.seen.lock();
    assert_eq!(
        (seen[0].head.uri.to_string().as_str(), seen[0].head.headers.get("host")),
        ("http://127.0.0.1:8080/a?b=c", None)
    );
    assert_eq!(seen[1].head.uri.path(), "/alive");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_wait_until_an_answer_was_read() {
    let server = server(|app| app.max_concurrency = Some(1), &[(200, "held"), (200, "")]);
    let invocation = Request::builder().uri("/a").body(Body::empty()).unwrap();
    let held = server.channel.invoke(invocation).await.unwrap();
    let mut second = server.channel.topic_event(event());
    assert!(timeout(Duration::from_secs(60), &mut second).await.is_err());
    assert_eq!(server.seen.lock().len(), 1, "the application has not seen it yet");
    assert_eq!(held.into_body().read(100).await.unwrap(), "held");
    assert_eq!(second.await, Ok(Verdict::Success));
}

#[test]
fn addresses_of_every_kind_make_an_authority() {
    let authorities =
        [("::1", 80), ("[::1]", 80), ("app", 81)].map(|(address, port)| request::authority(address, port));
    assert_eq!(authorities, ["[::1]:80", "[::1]:80", "app:81"]);
}

#[tokio::test]
async fn calls_pass_the_middleware_of_the_application() {
    let mut config = testing::config();
    let kind = "middleware.http.uppercase".to_owned();
    config.settings.app_pipeline =
        vec![config::settings::Handler { name: "loud".into(), kind: kind.clone() }];
    config.resources.components = vec![testing::component("loud", &kind, &[])];
    let runtime = testing::runtime_of(config, Default::default());
    runtime.begin().await.unwrap();
    let echo: Send = Arc::new(|request: Request<Body>| {
        Box::pin(async move {
            match request.uri().path() {
                "/nobody" => Err(mecha_base::Error::local(mecha_base::Kind::Shutdown, "nobody there")),
                _ => Ok(Response::new(request.into_body())),
            }
        })
    });
    let channel = HttpChannel::over(&runtime, echo);
    let call = |path: &str| Request::post(path).body(Body::from("hello".to_owned())).unwrap();
    let answer = channel.invoke(call("/say")).await.unwrap();
    assert_eq!(answer.into_body().read(100).await.unwrap(), "HELLO");
    let error = channel.invoke(call("/nobody")).await.err().unwrap();
    assert!(error.message().contains("nobody there"), "{error}");
}

//! What holds for every call: token, limits, origins, closed APIs, traces, logs, ports.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::StreamBody;
use mecha_config::runtime::settings::ApiRule;
use mecha_runtime::Body;
use parking_lot::Mutex;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::{Answer, Fixture};

async fn with(api: &Fixture, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn callers_must_know_the_token() {
    let api = Fixture::with(|config| config.apis.token = Some("s3cret".to_owned())).await;
    for headers in [&[][..], &[("dapr-api-token", "s3cres")][..]] {
        let refused = with(&api, "GET", "/v1.0/metadata", headers).await;
        assert_eq!((refused.status.as_u16(), refused.text()), (401, "invalid api token\n"));
        assert_eq!(refused.headers["content-type"], "text/plain; charset=utf-8");
    }
    with(&api, "GET", "/v1.0/healthz", &[]).await.is_empty();
    with(&api, "GET", "/v1.0/healthz/outbound/", &[]).await.is_empty();
    assert_eq!(with(&api, "POST", "/v1.0/healthz", &[]).await.status.as_u16(), 401);
    let token = [("dapr-api-token", "s3cret")];
    let path = "/v1.0/invoke/orders/method/m";
    assert_eq!(with(&api, "GET", path, &token).await.status.as_u16(), 201);
    let (head, _) = api.app.asked.lock().pop().unwrap();
    assert!(!head.headers.contains_key("dapr-api-token"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not() {
    let api = Fixture::with(|config| config.apis.max_body = 4).await;
    let why = "failed to read request body: stream too large";
    api.post("/v1.0/publish/bus/t", "12345").await.is_error(400, "ERR_BODY_READ", why);
    api.post("/v1.0/publish/bus/t", "1234").await.is_empty();
    let pieces =
        ["123", "45"].map(|piece| Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from(piece))));
    let body = Body::new(StreamBody::new(futures_util::stream::iter(pieces)));
    let streamed = api.send(Request::post("/v1.0/publish/bus/t").body(body).unwrap()).await;
    streamed.is_error(400, "ERR_BODY_READ", why);
}

#[tokio::test]
async fn a_parameter_that_is_no_escape_is_refused() {
    let api = Fixture::new().await;
    let refused = api.get("/v1.0/state/mem/a%zz").await;
    let why = "failed to unescape request parameter \"key\". Error: invalid URL escape \"%zz\"\n";
    assert_eq!((refused.status.as_u16(), refused.text()), (400, why));
    assert_eq!(refused.headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn browsers_call_from_allowed_origins_only() {
    let preflight = |origin| [("origin", origin), ("access-control-request-method", "PUT")];
    let path = "/v1.0/healthz";
    let api = Fixture::new().await;
    let closed = with(&api, "GET", path, &[("origin", "http://a")]).await;
    assert!(!closed.headers.contains_key("vary"));
    let api = Fixture::with(|config| config.apis.allowed_origins = vec!["http://*.a".to_owned()]).await;
    let allowed = with(&api, "OPTIONS", path, &preflight("http://x.a")).await;
    assert_eq!(allowed.status.as_u16(), 200);
    assert_eq!(allowed.headers["access-control-allow-origin"], "http://x.a");
    assert_eq!(allowed.headers["access-control-allow-methods"], "PUT");
    assert_eq!(allowed.headers.get_all("vary").iter().count(), 3);
    let refused = with(&api, "OPTIONS", path, &preflight("http://b")).await;
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
    let read = with(&api, "GET", path, &[("origin", "http://x.a")]).await;
    assert_eq!(
        (read.status.as_u16(), &read.headers["access-control-allow-origin"]),
        (204, &"http://x.a".parse().unwrap())
    );
    let api = Fixture::with(|config| config.apis.allowed_origins = vec!["*".to_owned()]).await;
    let read = with(&api, "GET", path, &[("origin", "http://b")]).await;
    assert_eq!(read.headers["access-control-allow-origin"], "*");
    assert_eq!(read.headers["vary"], "origin");
}

#[tokio::test]
async fn a_closed_api_is_as_if_it_were_not_there() {
    let rule = |name: &str| ApiRule { name: name.to_owned(), version: "v1".to_owned(), grpc: false };
    let denied = Fixture::with(|config| config.settings.api_denied = vec![rule("state")]).await;
    assert_eq!(denied.get("/v1.0/state/mem/a").await.json()["errorCode"], "ERR_DIRECT_INVOKE");
    let allowed = Fixture::with(|config| config.settings.api_allowed = vec![rule("state")]).await;
    allowed.get("/v1.0/state/mem/a").await.is_empty();
    allowed.get("/v1.0/healthz").await.is_empty();
    let closed = with(&allowed, "GET", "/m", &[("dapr-app-id", "orders")]).await;
    assert_eq!((closed.status.as_u16(), closed.text()), (404, "404 page not found\n"));
}

#[tokio::test]
async fn answers_tell_the_trace_but_those_about_health() {
    let api = Fixture::new().await;
    assert!(api.get("/v1.0/metadata").await.headers.contains_key("traceparent"));
    assert!(!api.get("/v1.0/healthz").await.headers.contains_key("traceparent"));
    let off = Fixture::with(|config| config.settings.tracing.sampling_rate = Some(0.0)).await;
    assert!(!off.get("/v1.0/metadata").await.headers.contains_key("traceparent"));
}

#[tokio::test]
async fn the_public_port_knows_health_and_metadata_only() {
    let api = Fixture::with(|config| config.apis.token = Some("s3cret".to_owned())).await.public();
    api.get("/v1.0/healthz").await.is_empty();
    assert_eq!(api.get("/v1.0/metadata").await.json()["id"], "orders");
    api.call("PUT", "/v1.0/metadata/a", "b").await.is_empty();
    assert_eq!(api.get("/v1.0/state/mem/a").await.status.as_u16(), 404);
    assert_eq!(with(&api, "GET", "/m", &[("dapr-app-id", "orders")]).await.status.as_u16(), 404);
}

/// Events as lines of `name=value`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            if field.name() != "duration" {
                line.push_str(&format!("{}={value:?} ", field.name()));
            }
        });
        self.0.lock().push(line);
    }
}

#[tokio::test]
async fn calls_are_logged_as_the_settings_say() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let silent = Fixture::new().await;
    silent.get("/v1.0/healthz").await.is_empty();
    assert!(!lines.0.lock().iter().any(|line| line.contains("HTTP API Called")));
    let api = Fixture::with(|config| config.apis.log_calls = Some(true)).await;
    api.post("/v1.0/state/mem", r#"[{"key":"a","value":"12345"}]"#).await.is_empty();
    with(&api, "GET", "/v1.0/state/mem/a", &[("user-agent", "curl/8")]).await;
    let obscure = Fixture::with(|config| {
        let logging = &mut config.settings.api_logging;
        (logging.enabled, logging.obfuscate_urls, logging.omit_health_checks) = (true, true, true);
    });
    let obscure = obscure.await;
    obscure.get("/v1.0/healthz").await.is_empty();
    obscure.get("/v1.0/invoke/orders/method/secret").await;
    let called: Vec<_> =
        lines.0.lock().iter().filter(|line| line.contains("HTTP API Called")).cloned().collect();
    assert_eq!(
        called,
        [
            r#"message=HTTP API Called method="POST /v1.0/state/mem" code=204 size=0 "#,
            r#"message=HTTP API Called method="GET /v1.0/state/mem/a" useragent="curl/8" code=200 size=7 "#,
            r#"message=HTTP API Called method="InvokeService/orders" code=201 size=0 "#,
        ]
    );
}

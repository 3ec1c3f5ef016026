//! A runtime with components in memory, its API, and what a client gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use mecha_component::registry::Drivers;
use mecha_component::secrets::{DynSecretStore, Secret, SecretStore};
use mecha_component::state::{DeleteRequest, DynStateStore, GetRequest, Item, SetRequest, StateStore};
use mecha_component::{Driver, Error, ErrorKind, Features, memory};
use mecha_config::runtime::{self as config, Component};
use mecha_runtime::channel::{AppChannel, AppConfig, BulkTopicEvent, TopicEvent, Verdict};
use mecha_runtime::clusters::Nowhere;
use mecha_runtime::{ApiError, Body, Network, Parts, Runtime};
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Api, public_router, router};

pub(super) struct Fixture {
    pub(super) runtime: Arc<Runtime>,
    pub(super) app: Arc<App>,
    api: Api,
}

/// What a client gets.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts an empty 204.
    pub(super) fn is_empty(&self) {
        assert_eq!((self.status, self.text()), (StatusCode::NO_CONTENT, ""));
    }

    /// Asserts an error by its status, code and message.
    pub(super) fn is_error(&self, status: u16, code: &str, message: &str) {
        let json = self.json();
        let told = (self.status.as_u16(), json["errorCode"].as_str(), json["message"].as_str());
        assert_eq!(told, (status, Some(code), Some(message)));
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With `mem` (state and messages under `mem` and `bus`), `plain` and `broken` state stores, and `vault`.
    pub(super) async fn with(change: impl FnOnce(&mut config::Runtime)) -> Self {
        let mut config = configuration();
        config.resources.components = vec![
            Component::new("mem", "state.in-memory"),
            Component::new("plain", "state.plain"),
            Component::new("bus", "pubsub.in-memory"),
            Component::new("vault", "secretstores.test"),
        ];
        change(&mut config);
        let drivers = Drivers { state: STATE, pubsub: PUBSUB, secrets: SECRETS };
        let tasks = tokio::runtime::Handle::current();
        let (network, clusters) = (Network::default(), Arc::new(Nowhere));
        let parts = Parts { config: Arc::new(config), drivers, network, clusters, tasks };
        let runtime = Runtime::new(parts);
        let app = Arc::new(App::default());
        runtime.set_channel(app.clone());
        runtime.begin().await.unwrap();
        runtime.health().change(|status| {
            (status.outbound, status.ready, status.app) = (true, true, true);
        });
        Fixture { api: router(runtime.clone()), runtime, app }
    }

    /// The public port instead of the API port.
    pub(super) fn public(mut self) -> Self {
        self.api = public_router(self.runtime.clone());
        self
    }

    pub(super) fn api(&self) -> Api {
        self.api.clone()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.api.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(body.to_owned().into()).unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, body).await
    }
}

/// An application that writes down what it is asked, and answers 201 with a header and the body it got; on `/stream` it
/// sends back what comes as it comes.
#[derive(Default)]
pub(super) struct App {
    pub(super) asked: Mutex<Vec<(http::request::Parts, Bytes)>>,
}

impl AppChannel for App {
    fn invoke(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Body>, ApiError>> {
        Box::pin(async move {
            if request.uri().path() == "/stream" {
                return Ok(Response::new(request.into_body()));
            }
            let (head, body) = request.into_parts();
            let failed =
                |error: mecha_runtime::body::BodyError| ApiError::invoke_failed("own", &error.to_string());
            let body = body.read(usize::MAX).await.map_err(failed)?;
            self.asked.lock().push((head, body.clone()));
            let answer =
                Response::builder().status(201).header("x-answer", "yes").header("connection", "close");
            Ok(answer.body(body.into()).unwrap())
        })
    }

    fn topic_event(&self, _: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        Box::pin(async { Ok(Verdict::Success) })
    }

    fn bulk_topic_event(
        &self,
        _: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>> {
        Box::pin(async { Ok(BTreeMap::new()) })
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<config::Subscription>, ApiError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>> {
        Box::pin(async { Ok(Value::Null) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async { Ok(()) })
    }
}

const STATE: &[Driver<dyn DynStateStore>] = &[
    memory::STATE,
    Driver {
        types: &["state.plain"],
        versions: &["v1"],
        connect: |_, _| Box::pin(async { Ok(Arc::new(Plain) as Arc<dyn DynStateStore>) }),
    },
];
const PUBSUB: &[Driver<dyn mecha_component::pubsub::DynPubSub>] = &[memory::PUBSUB];
const SECRETS: &[Driver<dyn DynSecretStore>] = &[Driver {
    types: &["secretstores.test"],
    versions: &["v1"],
    connect: |_, _| Box::pin(async { Ok(Arc::new(Vault) as Arc<dyn DynSecretStore>) }),
}];

/// A state store that can nothing beyond the base, and not even that: its system is down.
struct Plain;

impl StateStore for Plain {
    fn features(&self) -> Features {
        Features::default()
    }

    async fn get(&self, _: GetRequest) -> mecha_component::Result<Option<Item>> {
        Err(Error::unavailable("it is down"))
    }

    async fn set(&self, _: SetRequest) -> mecha_component::Result<()> {
        Err(Error::unavailable("it is down"))
    }

    async fn delete(&self, _: DeleteRequest) -> mecha_component::Result<()> {
        Err(Error::unavailable("it is down"))
    }
}

/// A secret store with two secrets.
struct Vault;

impl SecretStore for Vault {
    async fn get(&self, name: &str, _: &BTreeMap<String, String>) -> mecha_component::Result<Secret> {
        match name {
            "db" => {
                Ok([("user".to_owned(), "me".to_owned()), ("password".to_owned(), "s3cret".to_owned())]
                    .into())
            }
            "other" => Ok([("other".to_owned(), "1".to_owned())].into()),
            _ => Err(Error::new(ErrorKind::NotFound, "no such secret")),
        }
    }

    async fn get_all(
        &self,
        metadata: &BTreeMap<String, String>,
    ) -> mecha_component::Result<BTreeMap<String, Secret>> {
        let mut all = BTreeMap::new();
        for name in ["db", "other"] {
            all.insert(name.to_owned(), SecretStore::get(self, name, metadata).await?);
        }
        Ok(all)
    }
}

fn configuration() -> config::Runtime {
    config::Runtime {
        identity: config::Identity { app_id: "orders".to_owned(), ..Default::default() },
        app: config::App { port: Some(8080), ..Default::default() },
        apis: config::Apis { max_body: 1 << 20, ..Default::default() },
        process: config::Process { version: "1.2.3".to_owned(), ..Default::default() },
        ..Default::default()
    }
}

//! An application that speaks HTTP: every call goes through the door `dapr.app` of the exchange, with the token and the
//! place it needs (reference 1.6, 1.7).

mod answers;
mod request;
mod wishes;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use mecha_config::runtime as config;
use mecha_config::runtime::Subscription;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::timeout;

use super::concurrency::Concurrency;
use super::{AppChannel, AppConfig, BulkTopicEvent, TopicEvent, Verdict};
use crate::body::Body;
use crate::doors;
use crate::error::{ApiError, GrpcCode};
use crate::network::Unanswered;
use crate::runtime::Runtime;
use crate::trace::Trace;
pub(crate) use request::{address, authority};

/// Carries `APP_API_TOKEN`.
pub(crate) const API_TOKEN: &str = "dapr-api-token";
/// Tells the application who asks for its configuration.
const APP_ID: &str = "dapr-app-id";
const CLOUD_EVENT: HeaderValue = HeaderValue::from_static("application/cloudevents+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Answered = Result<Response<Body>, mecha_base::Error>;
/// The way to the application.
pub(crate) type Send = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Answered> + std::marker::Send + Sync>;

/// An application that speaks HTTP.
pub struct HttpChannel {
    config: Arc<config::Runtime>,
    /// For what is counted; the runtime owns the channel.
    runtime: Weak<Runtime>,
    send: Send,
    places: Concurrency,
    authority: String,
    token: Option<HeaderValue>,
}

impl HttpChannel {
    /// The application of a runtime.
    pub fn new(runtime: &Arc<Runtime>) -> Self {
        let network = runtime.network().clone();
        let send = move |request| {
            let network = network.clone();
            Box::pin(async move { network.call(doors::APP, request).await }) as BoxFuture<'static, _>
        };
        Self::over(runtime, Arc::new(send))
    }

    /// The application of a runtime, by another way.
    pub(crate) fn over(runtime: &Arc<Runtime>, send: Send) -> Self {
        let config = runtime.config().clone();
        let app = &config.app;
        HttpChannel {
            runtime: Arc::downgrade(runtime),
            send,
            places: Concurrency::new(app.max_concurrency),
            authority: request::authority(&app.address, app.port.unwrap_or_default()),
            token: app.token.as_deref().and_then(|token| HeaderValue::from_str(token).ok()),
            config,
        }
    }

    /// Sends a request without a place.
    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let is_http2 = self.config.app.protocol == config::AppProtocol::H2c;
        request::address(&mut request, &self.authority, is_http2)?;
        if let Some(token) = &self.token {
            request.headers_mut().insert(API_TOKEN, token.clone());
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let began = Instant::now();
        let response = self.through_pipeline(request).await.map_err(|error| unreached(&error.to_string()))?;
        if let Some(runtime) = self.runtime.upgrade() {
            let status = response.status().as_u16();
            runtime.metrics().http_client(method.as_str(), &path, status, began.elapsed());
        }
        Ok(response)
    }

    /// Through the middleware of calls to the application, when there is any.
    async fn through_pipeline(&self, request: Request<Body>) -> Answered {
        let pipeline = self.runtime.upgrade().map(|runtime| runtime.app_pipeline());
        let Some(pipeline) = pipeline.filter(|pipeline| !pipeline.is_empty()) else {
            return (self.send)(request).await;
        };
        // A middleware sees answers only: that nobody gave one is kept beside.
        let failed = Mutex::new(None);
        let end = |request: Request<Body>| -> BoxFuture<'_, Response<Body>> {
            Box::pin(async {
                (self.send)(request).await.unwrap_or_else(|error| {
                    *failed.lock() = Some(error);
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                    response
                })
            })
        };
        let response = pipeline.run(request, end).await;
        failed.into_inner().map_or(Ok(response), Err)
    }

    /// A call whose answer is read whole. One that the exchange made because nobody answered is an error.
    async fn ask(&self, request: Request<Body>) -> Result<(StatusCode, Bytes), ApiError> {
        let _place = self.places.place().await;
        let response = self.send(request).await?;
        if let Some(failed) = response.extensions().get::<Unanswered>() {
            return Err(unreached(&failed.message));
        }
        let status = response.status();
        let limit = self.config.apis.max_body;
        let body = response.into_body().read(limit).await;
        let body = body.map_err(|error| unreached(&format!("its answer can't be read: {error}")))?;
        Ok((status, body))
    }

    fn get(&self, path: &str) -> Result<Request<Body>, ApiError> {
        request::build(Method::GET, path, Body::empty())
    }

    async fn deliver(&self, event: TopicEvent) -> Result<Verdict, ApiError> {
        let mut request = request::build(Method::POST, &event.path, Body::from(event.body))?;
        request::add_metadata(request.headers_mut(), &event.metadata);
        Trace::of_event(&event.envelope).write(request.headers_mut());
        let name = HeaderValue::from_str(&event.pubsub);
        request.headers_mut().extend(name.ok().map(|name| (request::PUBSUB_NAME, name)));
        request.headers_mut().insert(CONTENT_TYPE, CLOUD_EVENT);
        let (status, body) = self.ask(request).await?;
        let id = event.envelope.get("id").and_then(Value::as_str).unwrap_or_default();
        answers::single(status, &body, id, &event.topic)
    }

    async fn deliver_bulk(&self, event: BulkTopicEvent) -> Result<BTreeMap<String, Verdict>, ApiError> {
        let ids: Vec<_> = event.entries.iter().map(|entry| entry.id.clone()).collect();
        let body = Body::from(answers::envelope(&event).to_string());
        let mut request = request::build(Method::POST, &event.path, body)?;
        request::add_metadata(request.headers_mut(), &event.metadata);
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        let (status, body) = self.ask(request).await?;
        answers::bulk(status, &body, ids, &event.topic)
    }

    async fn read_wishes(&self) -> Result<Vec<Subscription>, ApiError> {
        let (status, body) = self.ask(self.get("/dapr/subscribe")?).await?;
        match status {
            StatusCode::OK => wishes::parse(&body).map_err(|error| {
                ApiError::new("ERR_MALFORMED_RESPONSE", 400, GrpcCode::InvalidArgument, error)
            }),
            StatusCode::NOT_FOUND => {
                tracing::debug!("user app did not subscribe to any topic");
                Ok(Vec::new())
            }
            status => Err(answered(
                status,
                format!("app returned http status code {} from subscription endpoint", status.as_u16()),
            )),
        }
    }

    async fn read_config(&self) -> Result<AppConfig, ApiError> {
        let mut request = self.get("/dapr/config")?;
        if let Ok(app_id) = HeaderValue::from_str(&self.config.identity.app_id) {
            request.headers_mut().insert(APP_ID, app_id);
        }
        let (status, body) = self.ask(request).await?;
        if status != StatusCode::OK || body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| {
            let text = format!("GET /dapr/config: the answer is not JSON: {error}");
            ApiError::new("ERR_MALFORMED_RESPONSE", 400, GrpcCode::InvalidArgument, text)
        })
    }

    async fn check(&self) -> Result<(), ApiError> {
        let Some(health) = &self.config.app.health else { return Ok(()) };
        let late = |_| Err(unreached(&format!("no answer to a health probe within {:?}", health.timeout)));
        let response =
            timeout(health.timeout, self.send(self.get(&health.path)?)).await.unwrap_or_else(late)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(answered(status, format!("the health probe was answered by status {}", status.as_u16())))
    }
}

/// Nobody answered.
fn unreached(error: &str) -> ApiError {
    let message = format!("error from app channel while sending a call to the app: {error}");
    ApiError::new("ERR_DIRECT_INVOKE", 500, GrpcCode::Unavailable, message)
}

/// The application answered that it failed; the error has its status, for policies that choose by it.
fn answered(status: StatusCode, message: String) -> ApiError {
    ApiError::new("ERR_DIRECT_INVOKE", status.as_u16(), GrpcCode::Unknown, message)
}

impl AppChannel for HttpChannel {
    fn invoke(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Body>, ApiError>> {
        Box::pin(async move {
            let place = self.places.place().await;
            let response = self.send(request).await?;
            Ok(response.map(|body| place.hold(body)))
        })
    }

    fn topic_event(&self, event: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        Box::pin(self.deliver(event))
    }

    fn bulk_topic_event(
        &self,
        event: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>> {
        Box::pin(self.deliver_bulk(event))
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Subscription>, ApiError>> {
        Box::pin(self.read_wishes())
    }

    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>> {
        Box::pin(self.read_config())
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(self.check())
    }
}

#[cfg(test)]
mod tests;

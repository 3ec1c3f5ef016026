//! The application's own gRPC server as the runtime calls it: the generated clients of `AppCallback` over the exchange
//! (the door `dapr.app`), each call holding a place of `--app-max-concurrency`.

pub(crate) mod event;
mod invoke;
mod service;
mod subscriptions;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use mecha_config::runtime as config;
use mecha_config::runtime::Subscription;
use mecha_http::dapr::answer::http_status;
use mecha_runtime::channel::{AppChannel, AppConfig, BulkTopicEvent, Concurrency, TopicEvent, Verdict};
use mecha_runtime::{ApiError, Body, GrpcCode, Runtime};
use serde_json::Value;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::gate::TOKEN;
use crate::proto::pb;
use pb::app_callback_alpha_client::AppCallbackAlphaClient;
use pb::app_callback_client::AppCallbackClient;
use pb::app_callback_health_check_client::AppCallbackHealthCheckClient;
use service::{AppService, Unreached};

/// The application, by gRPC.
pub struct GrpcChannel {
    config: Arc<config::Runtime>,
    service: AppService,
    places: Concurrency,
    origin: Uri,
    /// `APP_API_TOKEN`, as metadata.
    token: Option<HeaderValue>,
}

impl GrpcChannel {
    /// The application of a runtime. Calls go through the runtime's network, so they fail until that is open.
    pub fn new(runtime: &Arc<Runtime>) -> Self {
        let config = runtime.config().clone();
        let app = &config.app;
        GrpcChannel {
            service: AppService::new(runtime.network().clone()),
            places: Concurrency::new(app.max_concurrency),
            origin: origin(&app.address, app.port),
            token: app.token.as_ref().and_then(|token| HeaderValue::from_str(token).ok()),
            config,
        }
    }

    /// Largest message either way, in bytes.
    fn limit(&self) -> usize {
        self.config.apis.max_body
    }

    fn callback(&self) -> AppCallbackClient<AppService> {
        AppCallbackClient::with_origin(self.service.clone(), self.origin.clone())
            .max_decoding_message_size(self.limit())
            .max_encoding_message_size(self.limit())
    }

    fn alpha(&self) -> AppCallbackAlphaClient<AppService> {
        AppCallbackAlphaClient::with_origin(self.service.clone(), self.origin.clone())
            .max_decoding_message_size(self.limit())
            .max_encoding_message_size(self.limit())
    }

    async fn check(&self) -> Result<(), ApiError> {
        let Some(health) = &self.config.app.health else { return Ok(()) };
        let mut client = AppCallbackHealthCheckClient::with_origin(self.service.clone(), self.origin.clone());
        let call = client.health_check(self.request((), HeaderMap::new()));
        match timeout(health.timeout, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(failed("the health probe failed", &status)),
            Err(_) => Err(unreached(&format!("no answer to a health probe within {:?}", health.timeout))),
        }
    }

    /// A request with metadata, and the application's token.
    fn request<T>(&self, message: T, mut metadata: HeaderMap) -> Request<T> {
        metadata.remove(TOKEN);
        if let Some(token) = &self.token {
            metadata.insert(TOKEN, token.clone());
        }
        let mut request = Request::new(message);
        *request.metadata_mut() = MetadataMap::from_headers(metadata);
        request
    }
}

impl AppChannel for GrpcChannel {
    fn invoke(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, ApiError>> {
        Box::pin(self.on_invoke(request))
    }

    fn topic_event(&self, event: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        Box::pin(self.on_topic_event(event))
    }

    fn bulk_topic_event(
        &self,
        event: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>> {
        Box::pin(self.on_bulk_topic_event(event))
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Subscription>, ApiError>> {
        Box::pin(self.list_topic_subscriptions())
    }

    /// gRPC applications say nothing about themselves at the start: their actors are registered by a stream.
    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>> {
        Box::pin(std::future::ready(Ok(Value::Null)))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(self.check())
    }
}

/// Where the application is, as the authority of calls to it.
fn origin(address: &str, port: Option<u16>) -> Uri {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let port = port.unwrap_or_default();
    format!("http://{host}:{port}").parse().unwrap_or_else(|_| Uri::from_static("http://dapr.app"))
}

/// Metadata by name; what can't be metadata is left out.
fn metadata<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> HeaderMap {
    let pairs = pairs.into_iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    });
    pairs.collect()
}

/// An error that the application answered by, or that it did not answer.
fn failed(what: &str, status: &Status) -> ApiError {
    if let Some(reason) = Unreached::behind(status) {
        return unreached(&reason.to_string());
    }
    let number = status.code() as i32;
    let code = GrpcCode::of(number);
    let message = format!("{what}: rpc error: code = {} desc = {}", code.name(), status.message());
    ApiError::new("ERR_DIRECT_INVOKE", http_status(number), code, message)
}

/// Nobody answered.
fn unreached(error: &str) -> ApiError {
    let message = format!("error from app channel while sending a call to the app: {error}");
    ApiError::new("ERR_DIRECT_INVOKE", 500, GrpcCode::Unavailable, message)
}

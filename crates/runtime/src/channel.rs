//! The application as the runtime calls it: one face over HTTP and gRPC applications. The HTTP one is in `runtime`,
//! the gRPC one in `api-grpc`, which has the generated types; both call through the exchange.

mod concurrency;
pub mod http;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mecha_config::runtime::Subscription;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::error::ApiError;

pub use concurrency::{Concurrency, Place};
pub use http::HttpChannel;

/// What becomes of a message (reference 1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done with.
    Success,
    /// Deliver it again.
    Retry,
    /// Done with, but not dealt with: to the dead-letter topic if there is one.
    Drop,
}

/// A message for the application.
#[derive(Clone, Debug)]
pub struct TopicEvent {
    /// The component it came by.
    pub pubsub: Arc<str>,
    /// The topic it came by.
    pub topic: String,
    /// Where the application wants it.
    pub path: String,
    /// The CloudEvent.
    pub envelope: Arc<Map<String, Value>>,
    /// The CloudEvent as JSON.
    pub body: Bytes,
    /// What the broker says about it; HTTP applications get it as headers.
    pub metadata: BTreeMap<String, String>,
}

/// Several messages for the application at once.
#[derive(Clone, Debug)]
pub struct BulkTopicEvent {
    /// Of this delivery.
    pub id: String,
    /// The component they came by.
    pub pubsub: Arc<str>,
    /// The topic they came by.
    pub topic: String,
    /// Where the application wants them.
    pub path: String,
    /// The messages.
    pub entries: Vec<BulkTopicEntry>,
    /// What the broker says about all of them.
    pub metadata: BTreeMap<String, String>,
}

/// One of several messages.
#[derive(Clone, Debug)]
pub struct BulkTopicEntry {
    /// Unique in the delivery.
    pub id: String,
    /// The CloudEvent, or the payload as it is for raw subscriptions.
    pub event: BulkEvent,
    /// Its content type.
    pub content_type: String,
    /// What the broker says about it.
    pub metadata: BTreeMap<String, String>,
}

/// What an entry carries.
#[derive(Clone, Debug)]
pub enum BulkEvent {
    /// A CloudEvent.
    Envelope(Arc<Map<String, Value>>),
    /// Bytes.
    Raw(Bytes),
}

/// What an application says about itself when it starts (`GET /dapr/config`), as JSON.
pub type AppConfig = Value;

/// How a gRPC application answered an invocation, in the extensions of the response whose status and body are made of
/// it: callers that speak gRPC are answered the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// The code; 0 = OK.
    pub code: i32,
    /// What went wrong.
    pub message: String,
    /// A `google.rpc.Status` with the details; empty when there are none.
    pub details: Bytes,
    /// Metadata that came after the message, where it came apart.
    pub trailers: ::http::HeaderMap,
}

/// The type of an invocation's payload when that is a protobuf message (`Any.type_url`), in the extensions of a request
/// or a response: callers and applications that speak gRPC are told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeUrl(pub String);

/// The application. Every call holds a place of `--app-max-concurrency` until its answer has been read.
pub trait AppChannel: Send + Sync + 'static {
    /// A service invocation: the path and query of the application, the caller's headers. HTTP answers as they are;
    /// gRPC applications answer by `OnInvoke`, with a [`GrpcAnswer`] in the response's extensions.
    fn invoke(
        &self,
        request: ::http::Request<Body>,
    ) -> BoxFuture<'_, Result<::http::Response<Body>, ApiError>>;

    /// A message; an error counts as [`Verdict::Retry`], its message is logged.
    fn topic_event(&self, event: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>>;

    /// Several messages; a verdict for each entry id, missing ones count as [`Verdict::Retry`].
    fn bulk_topic_event(
        &self,
        event: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>>;

    /// The subscriptions that the application declares; none when it has no such endpoint.
    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Subscription>, ApiError>>;

    /// What the application says about itself; `Null` when it has no such endpoint.
    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>>;

    /// Whether it is healthy. Takes no place of `--app-max-concurrency`.
    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>>;
}

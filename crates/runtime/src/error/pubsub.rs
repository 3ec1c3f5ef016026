//! Errors of the publish and subscribe APIs. Codes, texts, reasons and the order of details are Dapr's (reference 1.3):
//! clients and tests compare them.

use std::collections::BTreeMap;

use super::{ApiError, Detail, GrpcCode};

const KIND: &str = "pubsub";

impl ApiError {
    /// The name of the pub/sub component is missing.
    pub fn pubsub_name_empty(metadata: &BTreeMap<String, String>) -> Self {
        let error = Self::new("ERR_PUBSUB_EMPTY", 404, GrpcCode::InvalidArgument, "pubsub name is empty");
        error.of_pubsub("").info("DAPR_PUBSUB_NAME_EMPTY", metadata.clone())
    }

    /// There is no pub/sub component of that name.
    pub fn pubsub_not_found(pubsub: &str, metadata: &BTreeMap<String, String>) -> Self {
        let message = format!("pubsub {pubsub} is not found");
        Self::new("ERR_PUBSUB_NOT_FOUND", 404, GrpcCode::InvalidArgument, message)
            .info("DAPR_PUBSUB_NOT_FOUND", metadata.clone())
    }

    /// The topic is missing.
    pub fn topic_empty(pubsub: &str, metadata: &BTreeMap<String, String>) -> Self {
        let message = format!("topic is empty in pubsub {pubsub}");
        Self::new("ERR_TOPIC_NAME_EMPTY", 404, GrpcCode::InvalidArgument, message)
            .of_pubsub(pubsub)
            .info("DAPR_PUBSUB_TOPIC_NAME_EMPTY", metadata.clone())
    }

    /// Metadata of the request that can't be used.
    pub fn pubsub_metadata(pubsub: &str, app_id: &str, error: &str) -> Self {
        let message = format!("failed deserializing metadata. Error: {error}");
        Self::new("ERR_PUBSUB_REQUEST_METADATA", 400, GrpcCode::InvalidArgument, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_METADATA_DESERIALIZATION", &[("appID", app_id), ("error", error)])
    }

    /// What was sent as a CloudEvent is none.
    pub fn cloud_event(pubsub: &str, app_id: &str, error: &str) -> Self {
        let message = "cannot create cloudevent";
        Self::new("ERR_PUBSUB_CLOUD_EVENTS_SER", 500, GrpcCode::InvalidArgument, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_CLOUD_EVENT_CREATION", &[("appID", app_id), ("error", error)])
    }

    /// The scopes of the component do not let the application use the topic.
    pub fn topic_forbidden(pubsub: &str, topic: &str, app_id: &str) -> Self {
        let message = format!("topic {topic} is not allowed for app id {app_id}");
        let fields = [("topic", topic), ("error", message.as_str())];
        Self::new("ERR_PUBSUB_FORBIDDEN", 403, GrpcCode::PermissionDenied, message.clone())
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_FORBIDDEN", &fields)
    }

    /// The broker did not take a message.
    pub fn publish_failed(pubsub: &str, topic: &str, error: &str) -> Self {
        let message = format!("error when publishing to topic {topic} in pubsub {pubsub}: {error}");
        Self::new("ERR_PUBSUB_PUBLISH_MESSAGE", 500, GrpcCode::Internal, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_PUBLISH_MESSAGE", &[("topic", topic), ("error", error)])
    }

    /// The body of a bulk publish is not what it must be.
    pub fn bulk_unreadable(pubsub: &str, topic: &str, app_id: &str, error: &str) -> Self {
        let message =
            format!("error when unmarshaling the request for topic {topic} pubsub {pubsub}: {error}");
        Self::new("ERR_PUBSUB_EVENTS_SER", 400, GrpcCode::InvalidArgument, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_UNMARSHAL_EVENTS", &[("appID", app_id), ("error", error)])
    }

    /// An entry of a bulk publish can't be used.
    pub fn bulk_entry(pubsub: &str, topic: &str, app_id: &str, error: &str) -> Self {
        let message =
            format!("error marshaling events to bytes for topic {topic} pubsub {pubsub}. error: {error}");
        Self::new("ERR_PUBSUB_EVENTS_SER", 400, GrpcCode::InvalidArgument, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_MARSHAL_EVENTS", &[("appID", app_id), ("error", error)])
    }

    /// The scopes of the component, or its state, do not allow a subscription.
    pub fn subscribe_failed(pubsub: &str, topic: &str, error: &str) -> Self {
        let message = format!("failed to subscribe to topic {topic} in pubsub {pubsub}: {error}");
        Self::new("ERR_PUBSUB_SUBSCRIBE", 500, GrpcCode::Internal, message)
            .of_pubsub(pubsub)
            .reason("DAPR_PUBSUB_SUBSCRIBE", &[("topic", topic), ("error", error)])
    }

    /// Errors of a pub/sub component describe it by their own message.
    fn of_pubsub(self, pubsub: &str) -> Self {
        let description = self.message().to_owned();
        let (kind, name) = (KIND.to_owned(), pubsub.to_owned());
        self.with(Detail::ResourceInfo { kind, name, owner: String::new(), description })
    }

    fn info(self, reason: &str, metadata: BTreeMap<String, String>) -> Self {
        self.with(Detail::ErrorInfo { reason: reason.to_owned(), metadata })
    }
}

//! The subscriptions that a gRPC application declares by `ListTopicSubscriptions`.

use std::time::Duration;

use http::HeaderMap;
use mecha_config::runtime::component::Bulk;
use mecha_config::runtime::{Subscription, SubscriptionRule};
use mecha_runtime::ApiError;
use tonic::Code;

use super::{GrpcChannel, failed};
use crate::proto::{ordered, pb};

impl GrpcChannel {
    pub(super) async fn list_topic_subscriptions(&self) -> Result<Vec<Subscription>, ApiError> {
        let _place = self.places.place().await;
        match self.callback().list_topic_subscriptions(self.request((), HeaderMap::new())).await {
            Ok(response) => Ok(response.into_inner().subscriptions.into_iter().map(subscription).collect()),
            // Not every application subscribes.
            Err(status) if status.code() == Code::Unimplemented => Ok(Vec::new()),
            Err(status) => Err(failed("error getting topic list from app", &status)),
        }
    }
}

fn subscription(declared: pb::TopicSubscription) -> Subscription {
    Subscription {
        pubsub: declared.pubsub_name,
        topic: declared.topic,
        rules: rules(declared.routes),
        metadata: ordered(declared.metadata),
        dead_letter: Some(declared.dead_letter_topic).filter(|topic| !topic.is_empty()),
        bulk: declared.bulk_subscribe.filter(|bulk| bulk.enabled).map(bulk),
        ..Subscription::default()
    }
}

/// Without any route every message goes to the one method that there is, by an empty path.
fn rules(routes: Option<pb::TopicRoutes>) -> Vec<SubscriptionRule> {
    let routes = routes.unwrap_or_default();
    let each = |rule: pb::TopicRule| SubscriptionRule { matches: rule.r#match, path: rule.path };
    let mut rules: Vec<_> = routes.rules.into_iter().map(each).collect();
    if !routes.default.is_empty() || rules.is_empty() {
        rules.push(SubscriptionRule { matches: String::new(), path: routes.default });
    }
    rules
}

/// Zero and less leave it to the defaults.
fn bulk(wanted: pb::BulkSubscribeConfig) -> Bulk {
    let default = Bulk::default();
    let max_messages = usize::try_from(wanted.max_messages_count).ok().filter(|count| *count > 0);
    let max_await = u64::try_from(wanted.max_await_duration_ms).ok().filter(|millis| *millis > 0);
    Bulk {
        max_messages: max_messages.unwrap_or(default.max_messages),
        max_await: max_await.map_or(default.max_await, Duration::from_millis),
    }
}

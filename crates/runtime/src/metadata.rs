//! What the metadata API tells (reference 1.8) and what may be set there. The HTTP API writes [`Metadata`] as JSON as it
//! stands, the gRPC API copies its fields.
//!
//! `components` lists those that are up, as Dapr does, so that clients can rely on the list. One that failed and is
//! tried again, or waits for its secret store, stands in the extended metadata instead: `component.<name>.status`.

use std::collections::BTreeMap;

use mecha_base::duration;
use mecha_config::runtime::{Subscription, SubscriptionRule};
use parking_lot::Mutex;
use serde::Serialize;

use crate::error::{ApiError, GrpcCode};
use crate::pubsub::ListedSubscription;
use crate::runtime::Runtime;

#[cfg(test)]
mod tests;

/// Most entries that can be set.
pub const MOST_ENTRIES: usize = 128;
/// Longest key that can be set, in bytes.
pub const LONGEST_KEY: usize = 256;
/// Longest value that can be set, in bytes.
pub const LONGEST_VALUE: usize = 64 << 10;

/// The key of the version, as older clients look for it.
const VERSION_KEY: &str = "daprRuntimeVersion";

/// What the runtime tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The application's id.
    pub id: String,
    /// The version.
    pub runtime_version: String,
    /// Feature switches that are on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enabled_features: Vec<String>,
    /// Components that are up, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentMetadata>,
    /// What was set, the version, and the state of components that are not up.
    pub extended: BTreeMap<String, String>,
    /// Subscriptions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<SubscriptionMetadata>,
    /// Foreign HTTP services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_endpoints: Vec<EndpointMetadata>,
    /// How the application is called.
    pub app_connection_properties: AppConnection,
    /// Actors.
    pub actor_runtime: ActorRuntime,
    /// The scheduler.
    pub scheduler: Scheduler,
    /// Workflows.
    pub workflows: Workflows,
}

/// A component that is up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ComponentMetadata {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its version.
    pub version: String,
    /// What its driver can do.
    pub capabilities: Vec<String>,
}

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SubscriptionMetadata {
    /// The component.
    #[serde(rename = "pubsubname")]
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// For the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Asked in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleMetadata>,
    /// Where messages go that can't be delivered; empty = nowhere.
    #[serde(rename = "deadLetterTopic", skip_serializing_if = "String::is_empty")]
    pub dead_letter: String,
    /// `DECLARATIVE`, `PROGRAMMATIC` or `STREAMING`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A routing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleMetadata {
    /// The expression; empty = always.
    #[serde(rename = "match", skip_serializing_if = "String::is_empty")]
    pub matches: String,
    /// The application's path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// A foreign HTTP service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointMetadata {
    /// Its name.
    pub name: String,
}

/// How the application is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppConnection {
    /// Its port; 0 when it has no server.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: u32,
    /// `http`, `h2c` or `grpc`.
    pub protocol: String,
    /// Where it is.
    pub channel_address: String,
    /// Most calls at once; 0 = unlimited.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_concurrency: u32,
    /// Probes of its health.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<AppHealth>,
}

/// Probes of the application's health; durations as Go writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppHealth {
    /// The path; empty for gRPC applications.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub health_check_path: String,
    /// From one probe to the next.
    pub health_probe_interval: String,
    /// How long an answer may take.
    pub health_probe_timeout: String,
    /// Failures in a row after which it counts as unhealthy.
    pub health_threshold: u32,
}

/// Actors; this version has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorRuntime {
    /// `DISABLED`.
    pub runtime_status: &'static str,
    /// Whether actors can be called.
    pub host_ready: bool,
}

impl Default for ActorRuntime {
    fn default() -> Self {
        ActorRuntime { runtime_status: "DISABLED", host_ready: false }
    }
}

/// The scheduler; this version has none. The field is in snake case in Dapr too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scheduler {
    /// Where it is connected to.
    pub connected_addresses: Vec<String>,
}

/// Workflows; this version has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workflows {
    /// Workers that are connected.
    pub connected_workers: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What was set through the API.
#[derive(Debug, Default)]
pub(crate) struct Extended(Mutex<BTreeMap<String, String>>);

impl Runtime {
    /// What the runtime tells about itself.
    pub fn metadata(&self) -> Metadata {
        let config = self.config();
        let features = config.settings.features.iter().filter(|(_, on)| **on).map(|(name, _)| name.clone());
        let mut extended = self.extended().0.lock().clone();
        extended.extend(
            self.loader().troubled().map(|(name, state)| (format!("component.{name}.status"), state)),
        );
        extended.insert(VERSION_KEY.to_owned(), config.process.version.clone());
        let endpoints = &config.resources.endpoints;
        Metadata {
            id: config.identity.app_id.clone(),
            runtime_version: config.process.version.clone(),
            enabled_features: features.collect(),
            components: self.components().now().describe(),
            extended,
            subscriptions: self.subscriptions().into_iter().map(SubscriptionMetadata::of).collect(),
            http_endpoints: endpoints.iter().map(|it| EndpointMetadata { name: it.name.clone() }).collect(),
            app_connection_properties: AppConnection::of(&config.app),
            ..Metadata::default()
        }
    }

    /// Sets an entry of the extended metadata. An empty key changes nothing, as in Dapr.
    ///
    /// # Errors
    /// `ERR_BAD_REQUEST` when key or value are too long or there are too many entries.
    pub fn set_metadata(&self, key: &str, value: &str) -> Result<(), ApiError> {
        let refuse = |what: String| {
            let message = format!("invalid request: {what}");
            Err(ApiError::new("ERR_BAD_REQUEST", 400, GrpcCode::InvalidArgument, message))
        };
        if key.is_empty() {
            return Ok(());
        }
        if key.len() > LONGEST_KEY {
            return refuse(format!("the metadata key is longer than {LONGEST_KEY} bytes"));
        }
        if value.len() > LONGEST_VALUE {
            return refuse(format!("the value of metadata key {key} is longer than {LONGEST_VALUE} bytes"));
        }
        let mut entries = self.extended().0.lock();
        if entries.len() >= MOST_ENTRIES && !entries.contains_key(key) {
            return refuse(format!("there are {MOST_ENTRIES} metadata entries already"));
        }
        entries.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

impl SubscriptionMetadata {
    fn of(listed: ListedSubscription) -> Self {
        let Subscription { pubsub, topic, metadata, rules, dead_letter, .. } = listed.subscription;
        let rule = |rule: SubscriptionRule| RuleMetadata { matches: rule.matches, path: rule.path };
        SubscriptionMetadata {
            pubsub,
            topic,
            metadata,
            rules: rules.into_iter().map(rule).collect(),
            dead_letter: dead_letter.unwrap_or_default(),
            kind: listed.kind.name().to_owned(),
        }
    }
}

impl AppConnection {
    fn of(app: &mecha_config::runtime::App) -> Self {
        let health = app.health.as_ref().map(|check| AppHealth {
            // gRPC applications are asked by a method, not by a path.
            health_check_path: if app.protocol.is_grpc() { String::new() } else { check.path.clone() },
            health_probe_interval: duration::to_text(check.interval),
            health_probe_timeout: duration::to_text(check.timeout),
            health_threshold: check.threshold,
        });
        AppConnection {
            port: app.port.map_or(0, u32::from),
            protocol: app.protocol.name().to_owned(),
            channel_address: app.address.clone(),
            max_concurrency: app.max_concurrency.unwrap_or(0),
            health,
        }
    }
}

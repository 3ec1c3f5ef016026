//! What the runtime tells about itself, and how it is told to end (reference 1.8, 2.1).

use std::sync::Arc;

use mecha_runtime::Runtime;
use mecha_runtime::metadata::{
    AppConnection, AppHealth, ComponentMetadata, Metadata, RuleMetadata, SubscriptionMetadata,
};
use tonic::{Request, Response};

use crate::dispatch::Answer;
use crate::proto::{hashed, pb};
use crate::status::refuse;
use pb::PubsubSubscriptionType;
use pb::actor_runtime::ActorRuntimeStatus;

pub(crate) async fn get_metadata(
    runtime: Arc<Runtime>,
    _: Request<pb::GetMetadataRequest>,
) -> Answer<pb::GetMetadataResponse> {
    Ok(Response::new(response(runtime.metadata())))
}

pub(crate) async fn set_metadata(
    runtime: Arc<Runtime>,
    request: Request<pb::SetMetadataRequest>,
) -> Answer<()> {
    let request = request.into_inner();
    let set = runtime.set_metadata(&request.key, &request.value);
    set.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

/// Answered before the end begins.
pub(crate) async fn shutdown(runtime: Arc<Runtime>, _: Request<pb::ShutdownRequest>) -> Answer<()> {
    runtime.shutdown().request(false);
    Ok(Response::new(()))
}

fn response(metadata: Metadata) -> pb::GetMetadataResponse {
    let component = |it: ComponentMetadata| pb::RegisteredComponents {
        name: it.name,
        r#type: it.kind,
        version: it.version,
        capabilities: it.capabilities,
    };
    let scheduler = Some(metadata.scheduler.connected_addresses).filter(|addresses| !addresses.is_empty());
    pb::GetMetadataResponse {
        id: metadata.id,
        registered_components: metadata.components.into_iter().map(component).collect(),
        extended_metadata: hashed(metadata.extended),
        subscriptions: metadata.subscriptions.into_iter().map(subscription).collect(),
        http_endpoints: metadata
            .http_endpoints
            .into_iter()
            .map(|it| pb::MetadataHttpEndpoint { name: it.name })
            .collect(),
        app_connection_properties: Some(connection(metadata.app_connection_properties)),
        runtime_version: metadata.runtime_version,
        enabled_features: metadata.enabled_features,
        actor_runtime: Some(pb::ActorRuntime {
            runtime_status: ActorRuntimeStatus::from_str_name(metadata.actor_runtime.runtime_status)
                .unwrap_or(ActorRuntimeStatus::Disabled) as i32,
            host_ready: metadata.actor_runtime.host_ready,
            ..pb::ActorRuntime::default()
        }),
        scheduler: scheduler.map(|connected_addresses| pb::MetadataScheduler { connected_addresses }),
        workflows: Some(pb::MetadataWorkflows {
            connected_workers: count(metadata.workflows.connected_workers),
        }),
        ..pb::GetMetadataResponse::default()
    }
}

fn subscription(subscription: SubscriptionMetadata) -> pb::PubsubSubscription {
    let rule = |rule: RuleMetadata| pb::PubsubSubscriptionRule { r#match: rule.matches, path: rule.path };
    let kind = PubsubSubscriptionType::from_str_name(&subscription.kind);
    pb::PubsubSubscription {
        pubsub_name: subscription.pubsub,
        topic: subscription.topic,
        metadata: hashed(subscription.metadata),
        rules: Some(pb::PubsubSubscriptionRules {
            rules: subscription.rules.into_iter().map(rule).collect(),
        }),
        dead_letter_topic: subscription.dead_letter,
        r#type: kind.unwrap_or(PubsubSubscriptionType::Unknown) as i32,
    }
}

fn connection(app: AppConnection) -> pb::AppConnectionProperties {
    let health = |health: AppHealth| pb::AppConnectionHealthProperties {
        health_check_path: health.health_check_path,
        health_probe_interval: health.health_probe_interval,
        health_probe_timeout: health.health_probe_timeout,
        health_threshold: count(health.health_threshold),
    };
    pb::AppConnectionProperties {
        port: count(app.port),
        protocol: app.protocol,
        channel_address: app.channel_address,
        max_concurrency: count(app.max_concurrency),
        health: app.health.map(health),
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

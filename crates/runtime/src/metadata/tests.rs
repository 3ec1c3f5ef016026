//! What the metadata API tells, as JSON, and what it lets a caller set.

use std::time::Duration;

use mecha_config::runtime::{AppProtocol, HealthCheck, HttpEndpoint};
use serde_json::json;

use super::{LONGEST_KEY, LONGEST_VALUE, MOST_ENTRIES};
use crate::testing::{self, Store, runtime_with_config};

#[tokio::test]
async fn the_whole_of_it() {
    let mut config = testing::config();
    config.settings.features = [("HotReload".to_owned(), true), ("ActorStateTTL".to_owned(), false)].into();
    config.app.port = Some(8080);
    config.app.max_concurrency = Some(4);
    config.app.health = Some(HealthCheck {
        path: "/healthz".into(),
        interval: Duration::from_secs(5),
        timeout: Duration::from_millis(500),
        threshold: 3,
    });
    let endpoint = HttpEndpoint {
        name: "github".into(),
        base_url: "https://api.github.com".into(),
        headers: Vec::new(),
        secret_store: None,
    };
    config.resources.endpoints.push(endpoint);
    let component = testing::component("statestore", "state.test", &[]);
    let (runtime, _) = runtime_with_config(config, Store::default(), component);
    runtime.set_metadata("cliPID", "42").unwrap();
    assert_eq!(
        serde_json::to_value(runtime.metadata()).unwrap(),
        json!({
            "id": "orders",
            "runtimeVersion": "1.18.3",
            "enabledFeatures": ["HotReload"],
            "components": [{
                "name": "statestore", "type": "state.test", "version": "v1",
                "capabilities": ["ETAG", "TRANSACTIONAL", "QUERY_API"],
            }],
            "extended": { "cliPID": "42", "daprRuntimeVersion": "1.18.3" },
            "httpEndpoints": [{ "name": "github" }],
            "appConnectionProperties": {
                "port": 8080, "protocol": "http", "channelAddress": "127.0.0.1", "maxConcurrency": 4,
                "health": {
                    "healthCheckPath": "/healthz", "healthProbeInterval": "5s", "healthProbeTimeout": "500ms",
                    "healthThreshold": 3,
                },
            },
            "actorRuntime": { "runtimeStatus": "DISABLED", "hostReady": false },
            "scheduler": { "connected_addresses": [] },
            "workflows": { "connectedWorkers": 0 },
        })
    );
}

#[tokio::test]
async fn a_grpc_application_has_no_health_path() {
    let mut config = testing::config();
    config.app.protocol = AppProtocol::Grpc;
    let check = HealthCheck {
        path: "/healthz".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        threshold: 1,
    };
    config.app.health = Some(check);
    let app = testing::runtime_of(config, Default::default()).metadata().app_connection_properties;
    assert_eq!((app.protocol.as_str(), app.health.unwrap().health_check_path.as_str()), ("grpc", ""));
}

#[tokio::test]
async fn what_is_set_has_bounds() {
    let runtime = testing::runtime_of(testing::config(), Default::default());
    runtime.set_metadata("", "ignored").unwrap();
    let error = runtime.set_metadata(&"k".repeat(LONGEST_KEY + 1), "v").unwrap_err();
    assert_eq!((error.http(), error.code()), (400, "ERR_BAD_REQUEST"));
    assert_eq!(runtime.set_metadata("k", &"v".repeat(LONGEST_VALUE + 1)).unwrap_err().http(), 400);
    for number in 0..MOST_ENTRIES {
        runtime.set_metadata(&format!("key{number}"), "v").unwrap();
    }
    assert_eq!(runtime.set_metadata("one more", "v").unwrap_err().http(), 400);
    runtime.set_metadata("key0", "new").unwrap();
    let extended = runtime.metadata().extended;
    assert_eq!((extended.len(), extended["key0"].as_str()), (MOST_ENTRIES + 1, "new"));
}

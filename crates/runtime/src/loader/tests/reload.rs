//! Changed files: what is closed, what opens, and what is left alone.

use std::sync::Arc;

use mecha_config::runtime::settings::Handler;
use mecha_config::runtime::{HttpEndpoint, Resiliency, Resources, Subscription, SubscriptionRule};
use serde_json::json;

use super::doubles::{DRIVERS, events};
use super::{ignoring, runtime, status, with_secret};
use crate::loader::Applied;
use crate::testing::{self, Log, component};

fn resources(components: Vec<mecha_config::runtime::Component>) -> Resources {
    Resources { components, ..Default::default() }
}

#[tokio::test]
async fn only_what_changed_is_touched() {
    let kept = component("kept", "state.test", &[]);
    let runtime = runtime(vec![
        kept.clone(),
        component("changed", "state.test", &[]),
        component("removed", "pubsub.test", &[]),
    ]);
    runtime.load_components().await.unwrap();
    let before = runtime.components().state("kept").unwrap();
    events();
    let log = Log::capture();
    let changed = component("changed", "state.test", &[("x", "1")]);
    let wanted = resources(vec![kept, changed, component("new", "pubsub.test", &[])]);
    assert_eq!(runtime.apply(wanted.clone()).await.unwrap(), Applied { restart: false });
    assert_eq!(events(), ["changed closes", "removed closes", "changed opens", "new opens"]);
    assert_eq!(
        log.lines(),
        [
            "INFO Closing existing Component to reload: changed (state.test/v1)",
            "INFO Closing removed Component: removed (pubsub.test/v1)",
            "INFO Component loaded: changed (state.test/v1)",
            "INFO Component updated: changed (state.test/v1)",
            "INFO Component loaded: new (pubsub.test/v1)",
            "INFO Component updated: new (pubsub.test/v1)",
        ]
    );
    assert!(Arc::ptr_eq(&before, &runtime.components().state("kept").unwrap()));
    assert_eq!(runtime.components().state("changed").unwrap().properties.get("x"), Some("1"));
    assert!(runtime.components().pubsub("removed").is_none());
    runtime.apply(wanted).await.unwrap();
    assert_eq!((events(), log.lines()), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test]
async fn a_component_may_become_another_type() {
    let runtime = runtime(vec![component("a", "state.test", &[])]);
    runtime.load_components().await.unwrap();
    runtime.apply(resources(vec![component("a", "pubsub.test", &[])])).await.unwrap();
    assert!(runtime.components().state("a").is_none());
    assert!(runtime.components().pubsub("a").is_some());
}

#[tokio::test]
async fn a_change_that_fails_is_told_or_ignored() {
    let runtime = runtime(vec![component("a", "state.test", &[])]);
    runtime.load_components().await.unwrap();
    let broken = component("a", "state.test", &[("fault", "missing connection string")]);
    runtime.apply(resources(vec![ignoring(broken.clone())])).await.unwrap();
    assert!(runtime.components().state("a").is_none());
    assert!(status(&runtime, "a").unwrap().starts_with("failed: [INIT_COMPONENT_FAILURE]"));
    let error = runtime.apply(resources(vec![broken])).await.unwrap_err();
    assert!(error.to_string().starts_with("process component a error: "), "{error}");
    runtime.apply(resources(vec![component("a", "state.test", &[])])).await.unwrap();
    assert!(runtime.components().state("a").is_some());
    assert_eq!(status(&runtime, "a"), None);
}

#[tokio::test]
async fn a_secret_store_that_comes_late_starts_those_that_wait() {
    let store = with_secret(component("db", "state.test", &[]), "password", "vault", "user", "password");
    let runtime = runtime(vec![store.clone()]);
    runtime.load_components().await.unwrap();
    let vault = component("vault", "secretstores.test", &[("user.password", "hush")]);
    runtime.apply(resources(vec![store, vault])).await.unwrap();
    assert_eq!(runtime.components().state("db").unwrap().properties.get("password"), Some("hush"));
    assert_eq!(status(&runtime, "db"), None);
}

#[tokio::test]
async fn what_holds_for_the_whole_runtime_asks_for_a_restart() {
    let runtime = runtime(vec![component("a", "state.test", &[])]);
    runtime.load_components().await.unwrap();
    events();
    let policy = Resiliency { name: "r".into(), ..Default::default() };
    let wanted = Resources { resiliency: vec![policy], ..Default::default() };
    assert_eq!(runtime.apply(wanted).await.unwrap(), Applied { restart: true });
    let endpoint = HttpEndpoint {
        name: "x".into(),
        base_url: "http://x".into(),
        headers: Vec::new(),
        secret_store: None,
    };
    let wanted = Resources { endpoints: vec![endpoint], ..Default::default() };
    assert_eq!(runtime.apply(wanted).await.unwrap(), Applied { restart: true });
    assert_eq!(events(), Vec::<String>::new(), "components are left to the restart");
}

#[tokio::test]
async fn subscriptions_of_files_are_applied_too() {
    let runtime = runtime(vec![component("bus", "pubsub.test", &[])]);
    runtime.load_components().await.unwrap();
    let rule = SubscriptionRule { matches: "event.type == 'x'".into(), path: "/x".into() };
    let subscription = Subscription {
        name: "s".into(),
        pubsub: "bus".into(),
        topic: "orders".into(),
        rules: vec![rule],
        dead_letter: Some("dead".into()),
        ..Default::default()
    };
    let wanted = Resources {
        components: vec![component("bus", "pubsub.test", &[])],
        subscriptions: vec![subscription],
        ..Default::default()
    };
    runtime.apply(wanted).await.unwrap();
    assert_eq!(
        serde_json::to_value(runtime.metadata()).unwrap()["subscriptions"],
        json!([{
            "pubsubname": "bus", "topic": "orders", "deadLetterTopic": "dead", "type": "DECLARATIVE",
            "rules": [{ "match": "event.type == 'x'", "path": "/x" }],
        }])
    );
}

#[tokio::test]
async fn pipelines_follow_their_middleware() {
    let mut config = testing::config();
    let name = || Handler { name: "alias".into(), kind: "middleware.http.uppercase".into() };
    config.settings.http_pipeline = vec![name()];
    config.resources.components = vec![component("alias", "middleware.http.uppercase", &[])];
    let runtime = testing::runtime_of(config, DRIVERS);
    runtime.begin().await.unwrap();
    let before = runtime.http_pipeline();
    runtime.apply(resources(vec![component("alias", "middleware.http.uppercase", &[])])).await.unwrap();
    assert!(Arc::ptr_eq(&before, &runtime.http_pipeline()), "nothing changed");
    runtime
        .apply(resources(vec![component("alias", "middleware.http.uppercase", &[("x", "1")])]))
        .await
        .unwrap();
    let after = runtime.http_pipeline();
    assert!(!Arc::ptr_eq(&before, &after), "built anew");
    let log = Log::capture();
    runtime.apply(resources(Vec::new())).await.unwrap();
    assert!(
        Arc::ptr_eq(&after, &runtime.http_pipeline()),
        "a step that is gone stays in the pipeline that names it"
    );
    assert!(
        log.lines().iter().any(|line| line.starts_with("ERROR Middleware pipelines stay as they were: "))
    );
}

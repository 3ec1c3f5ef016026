//! Components from declarations to drivers: what opens, what closes, and what the log says of it.

mod doubles;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use mecha_config::runtime::component::Place;
use mecha_config::runtime::settings::SecretScope;
use mecha_config::runtime::{Component, Property, PropertySource};

use crate::Runtime;
use crate::testing::{self, Log, component};

use doubles::{DRIVERS, events};

fn runtime(components: Vec<Component>) -> Arc<Runtime> {
    let mut config = testing::config();
    config.resources.components = components;
    testing::runtime_of(config, DRIVERS)
}

fn ignoring(mut component: Component) -> Component {
    component.ignore_errors = true;
    component
}

/// With a property that comes from a secret.
fn with_secret(mut component: Component, property: &str, store: &str, name: &str, key: &str) -> Component {
    let source = PropertySource::Secret { name: name.into(), key: key.into() };
    component.properties.push(Property { name: property.into(), source });
    component.secret_store = Some(store.to_owned());
    component
}

fn status(runtime: &Runtime, component: &str) -> Option<String> {
    runtime.metadata().extended.remove(&format!("component.{component}.status"))
}

#[tokio::test]
async fn secret_stores_open_first_and_give_what_others_refer_to() {
    let log = Log::capture();
    let store = component("db", "state.test", &[("host", "{appID}.local")]);
    let store = with_secret(store, "password", "vault", "user", "password");
    let store = with_secret(store, "token", "vault", "token", "");
    let store = with_secret(store, "missing", "vault", "nobody", "x");
    let vault = [("user.password", "hush"), ("token.token", "tick")];
    let runtime = runtime(vec![store, component("vault", "secretstores.test", &vault)]);
    runtime.load_components().await.unwrap();
    assert_eq!(events(), ["vault opens", "db opens"]);
    let loaded = runtime.components().state("db").unwrap();
    let properties: Vec<_> = loaded.properties.iter().collect();
    assert_eq!(properties, [("host", "orders.local"), ("password", "hush"), ("token", "tick")]);
    assert_eq!(
        log.lines(),
        [
            "INFO Component loaded: vault (secretstores.test/v1)",
            "ERROR Error getting secret nobody of vault for component db (state.test/v1): no such secret",
            "INFO Component loaded: db (state.test/v1)",
        ]
    );
    runtime.close_components().await;
    assert_eq!(events(), ["db closes"]);
    assert!(runtime.components().state("db").is_none());
}

#[tokio::test]
async fn a_component_waits_for_a_secret_store_that_is_not_there() {
    let log = Log::capture();
    let store = with_secret(component("db", "state.test", &[]), "password", "vault", "user", "password");
    let runtime = runtime(vec![store]);
    runtime.load_components().await.unwrap();
    assert_eq!(log.lines(), ["WARN Component db references a secret store that isn't loaded: vault"]);
    assert_eq!(status(&runtime, "db").unwrap(), "waiting for secret store vault");
    assert!(runtime.metadata().components.is_empty());
}

#[tokio::test]
async fn brokers_know_the_application_by_its_id_unless_it_is_said() {
    let said = component("said", "pubsub.test", &[("consumerID", "{namespace}")]);
    let runtime = runtime(vec![component("plain", "pubsub.test", &[("consumerID", " ")]), said]);
    runtime.load_components().await.unwrap();
    let id = |name: &str| {
        runtime.components().pubsub(name).unwrap().properties.get("consumerid").map(str::to_owned)
    };
    assert_eq!((id("plain").as_deref(), id("said").as_deref()), (Some("orders"), Some("default.orders")));
}

#[tokio::test]
async fn a_failure_ends_the_start_in_the_words_that_tools_know() {
    let log = Log::capture();
    let runtime = runtime(vec![component("a", "state.test", &[("fault", "missing connection string")])]);
    let error = runtime.load_components().await.unwrap_err();
    let inner = "[INIT_COMPONENT_FAILURE]: initialization error occurred for a (state.test/v1): ";
    let text = format!("process component a error: {inner}{inner}missing connection string");
    assert_eq!(error.to_string(), text);
    assert_eq!(
        log.lines(),
        [
            format!("ERROR Failed to init component a (state.test/v1): {inner}missing connection string"),
            format!("WARN Error processing component, daprd will exit gracefully: {text}"),
        ]
    );
}

#[tokio::test]
async fn a_failure_names_the_file_that_declares_the_component() {
    let mut store = component("a", "state.test", &[("fault", "missing connection string")]);
    store.place = Place { file: "resources/store.yaml".into(), line: 4 };
    let error = runtime(vec![store]).load_components().await.unwrap_err().to_string();
    assert!(error.ends_with(": missing connection string (declared at resources/store.yaml:4)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_may_fail_is_tried_until_it_works() {
    let log = Log::capture();
    // Four attempts within the first initialisation, then three more.
    let store = ignoring(component("a", "state.test", &[("down", "7")]));
    let runtime = runtime(vec![store, component("b", "state.test", &[])]);
    runtime.load_components().await.unwrap();
    let inner = "[INIT_COMPONENT_FAILURE]: initialization error occurred for a (state.test/v1): ";
    let lines = log.lines();
    let failed = format!("ERROR Failed to init component a (state.test/v1): {inner}connection refused");
    let ignored = format!(
        "ERROR Ignoring error processing component: process component a error: {inner}{inner}connection refused"
    );
    assert!(lines.contains(&failed) && lines.contains(&ignored), "{lines:?}");
    assert_eq!(status(&runtime, "a").unwrap(), format!("retrying: {inner}connection refused"));
    let names: Vec<_> = runtime.metadata().components.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["b"]);
    // Time is paused: it passes as soon as nothing else is to do.
    while runtime.components().state("a").is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status(&runtime, "a"), None);
    assert_eq!(runtime.metadata().components.len(), 2);
    assert_eq!(events().iter().filter(|event| *event == "a is down").count(), 7);
    assert_eq!(log.lines(), ["INFO Component loaded: a (state.test/v1)"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_once_components_are_closed() {
    let runtime = runtime(vec![ignoring(component("a", "state.test", &[("down", "100")]))]);
    runtime.load_components().await.unwrap();
    runtime.close_components().await;
    events();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(events(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_initialisation_has_its_time() {
    let mut store = component("a", "state.test", &[("slow", "1")]);
    store.init_timeout = Duration::from_millis(1500);
    let error = runtime(vec![store]).load_components().await.unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("init timeout for component a (state.test/v1) exceeded after 1.5s"), "{text}");
}

#[tokio::test]
async fn types_that_are_not_known_are_told_with_those_that_are() {
    let told = async |kind: &str, version: &str| {
        let mut component = component("x", kind, &[]);
        component.version = version.to_owned();
        runtime(vec![component]).load_components().await.unwrap_err().to_string()
    };
    let created = |kind: &str| {
        format!(
            "process component x error: [INIT_COMPONENT_FAILURE]: initialization error occurred for x ({kind}): \
             [CREATE_COMPONENT_FAILURE]: initialization error occurred for x ({kind}): "
        )
    };
    assert_eq!(
        told("state.reddis", "v1").await,
        created("state.reddis/v1")
            + "couldn't find state store state.reddis/v1: did you mean state.redis? this build knows state.test, \
               state.alias, state.redis"
    );
    assert_eq!(
        told("pubsub.test", "v3").await,
        created("pubsub.test/v3") + "couldn't find message bus pubsub.test/v3: its versions are v1"
    );
    assert_eq!(
        told("bindings.cron", "v1").await,
        created("bindings.cron/v1") + "the bindings building block is not available in this version of Mecha"
    );
    let workflow = told("workflow.dapr", "v1").await;
    assert!(workflow.starts_with("process component x error: incorrect type workflow.dapr"), "{workflow}");
    let nothing = told("stat.redis", "v1").await;
    assert!(
        nothing.starts_with("process component x error: incorrect type stat.redis: known types"),
        "{nothing}"
    );
}

#[tokio::test]
async fn types_match_in_any_case_and_by_their_other_names() {
    let runtime = runtime(vec![component("a", "state.ALIAS", &[]), component("b", "state.test", &[])]);
    runtime.load_components().await.unwrap();
    assert_eq!(events(), ["a opens", "b opens"]);
}

#[tokio::test]
async fn the_configuration_may_refuse_types() {
    let log = Log::capture();
    let mut config = testing::config();
    config.settings.components_denied = vec!["state.test/v1".into()];
    config.resources.components = vec![component("a", "state.test", &[]), component("b", "state.redis", &[])];
    let runtime = testing::runtime_of(config, DRIVERS);
    runtime.load_components().await.unwrap();
    assert_eq!(events(), ["b opens"]);
    let refused =
        "WARN Component a (state.test/v1) is not loaded: its type is in components.deny of the Configuration";
    assert!(log.lines().contains(&refused.to_owned()));
}

#[tokio::test]
async fn a_prefix_that_can_not_be_one_closes_the_store_again() {
    let runtime = runtime(vec![component("a", "state.test", &[("keyPrefix", "x||y")])]);
    let error = runtime.load_components().await.unwrap_err().to_string();
    assert!(
        error.ends_with("failed to save lock keyprefix: input key/keyPrefix 'x||y' can't contain '||'"),
        "{error}"
    );
    assert_eq!(events(), ["a opens", "a closes"]);
}

#[tokio::test]
async fn middleware_waits_for_its_pipeline() {
    let rate = [("maxRequestsPerSecond", "5")];
    let runtime = runtime(vec![component("limit", "middleware.http.ratelimit", &rate)]);
    runtime.load_components().await.unwrap();
    let now = runtime.components().now();
    let (component, properties) = &now.middleware["limit"];
    assert_eq!(
        (component.kind.as_str(), properties.get("maxrequestspersecond")),
        ("middleware.http.ratelimit", Some("5"))
    );
    assert_eq!(runtime.metadata().components[0].name, "limit");
}

#[tokio::test]
async fn scopes_of_no_store_are_told() {
    let log = Log::capture();
    let mut config = testing::config();
    let scope = |store: &str| SecretScope { store: store.into(), ..Default::default() };
    config.settings.secret_scopes = vec![scope("customsecretstore1"), scope("vault")];
    config.resources.components = vec![component("vault", "secretstores.test", &[])];
    testing::runtime_of(config, DRIVERS).load_components().await.unwrap();
    assert_eq!(
        log.lines().last().unwrap(),
        "WARN Secrets configuration added for 'customsecretstore1', but no matching secret store was found"
    );
}

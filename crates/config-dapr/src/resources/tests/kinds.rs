//! Kinds of resources in the model, and which of them an application gets.

use std::time::Duration;

use mecha_config::runtime::component::Bulk;
use mecha_config::runtime::{Property, PropertySource, SubscriptionRule};

use super::*;

/// Everything that a component can say.
const COMPONENT: &str = r#"
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: store
  labels: {a: b}
spec:
  type: state.redis
  version: v1
  ignoreErrors: true
  initTimeout: 12s
  metadata:
    - name: redisHost
      value: localhost:6379
    - name: redisDB
      value: 3
    - name: enableTLS
      value: false
    - name: extra
      value: {a: [1, x]}
    - name: redisPassword
      secretKeyRef: {name: redis, key: password}
    - name: token
      value: ignored
      secretKeyRef: {name: token}
    - name: user
      envRef: REDIS_USER
    - name: nothing
auth:
  secretStore: vault
scopes: [orders]
"#;

#[test]
fn a_component_is_read_whole() {
    let resources = clean(COMPONENT);
    let component = &resources.components[0];
    assert_eq!(component.log_name(), "store (state.redis/v1)");
    assert!(component.ignore_errors);
    assert_eq!(component.init_timeout, Duration::from_secs(12));
    assert_eq!(component.secret_store.as_deref(), Some("vault"));
    assert!(component.place.to_string().ends_with("r.yaml:5"), "{}", component.place);
    let value = |name: &str, value: &str| Property {
        name: name.to_owned(),
        source: PropertySource::Value(value.to_owned()),
    };
    let secret = |name: &str, secret: &str, key: &str| Property {
        name: name.to_owned(),
        source: PropertySource::Secret { name: secret.to_owned(), key: key.to_owned() },
    };
    assert_eq!(
        component.properties,
        [
            value("redisHost", "localhost:6379"),
            value("redisDB", "3"),
            value("enableTLS", "false"),
            value("extra", r#"{"a":[1,"x"]}"#),
            secret("redisPassword", "redis", "password"),
            secret("token", "token", ""),
            Property { name: "user".to_owned(), source: PropertySource::Env("REDIS_USER".to_owned()) },
            value("nothing", ""),
        ]
    );
}

#[test]
fn a_component_that_says_little_has_the_defaults() {
    let text = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: pubsub.in-memory}\n";
    let component = clean(text).components.remove(0);
    assert_eq!((component.version.as_str(), component.init_timeout), ("v1", Duration::from_secs(5)));
    assert!(!component.ignore_errors && component.properties.is_empty());
}

#[test]
fn both_versions_of_subscriptions_are_read() {
    let text = r#"
apiVersion: dapr.io/v1alpha1
kind: Subscription
metadata: {name: old}
spec:
  pubsubname: bus
  topic: orders
  route: /orders
  metadata: {rawPayload: "true", ttl: 5}
---
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: new}
spec:
  pubsubname: bus
  topic: pay
  routes:
    rules:
      - match: event.type == "a"
        path: /a
      - {path: /b}
    default: /c
  deadLetterTopic: poison
  bulkSubscribe: {enabled: true, maxMessagesCount: 10}
scopes: [orders, other]
"#;
    let subscriptions = clean(text).subscriptions;
    let rule = |matches: &str, path: &str| SubscriptionRule { matches: matches.into(), path: path.into() };
    let [old, new] = &subscriptions[..] else { panic!("{subscriptions:?}") };
    assert_eq!((old.name.as_str(), old.pubsub.as_str(), old.topic.as_str()), ("old", "bus", "orders"));
    assert_eq!(old.rules, [rule("", "/orders")]);
    assert_eq!(old.metadata.get("rawPayload").map(String::as_str), Some("true"));
    assert_eq!(old.metadata.get("ttl").map(String::as_str), Some("5"));
    assert_eq!((old.bulk, old.dead_letter.as_deref()), (None, None));
    assert_eq!(new.rules, [rule("event.type == \"a\"", "/a"), rule("", "/b"), rule("", "/c")]);
    assert_eq!(new.dead_letter.as_deref(), Some("poison"));
    assert_eq!(new.bulk, Some(Bulk { max_messages: 10, max_await: Duration::from_secs(1) }));
}

#[test]
fn an_endpoint_is_read() {
    let text = r#"
apiVersion: dapr.io/v1alpha1
kind: HTTPEndpoint
metadata: {name: pay}
spec:
  baseUrl: http://pay.example:8080/api
  headers:
    - name: Accept-Language
      value: en
    - name: Authorization
      secretKeyRef: {name: pay, key: token}
auth: {secretStore: vault}
"#;
    let endpoint = clean(text).endpoints.remove(0);
    assert_eq!((endpoint.name.as_str(), endpoint.base_url.as_str()), ("pay", "http://pay.example:8080/api"));
    assert_eq!((endpoint.headers.len(), endpoint.secret_store.as_deref()), (2, Some("vault")));
}

#[test]
fn files_are_read_by_name_and_documents_in_their_order() {
    let two = format!("# two\n---\n{}---\n---\n{}", component("c", ""), component("b", ""));
    let files = [
        ("z.yml", component("z", "")),
        ("a.YAML", two),
        (".hidden", String::new()),
        ("sub/x.yaml", component("x", "")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (resources, said) = load_for(&identity(), &files);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(names(&resources.unwrap()), ["c", "b", "z"]);
}

#[test]
fn scopes_and_namespaces_choose() {
    let namespaced = |name: &str, namespace: &str| {
        component(name, "").replace("{name: ", &format!("{{namespace: {namespace}, name: "))
    };
    let text = [
        component("mine", "scopes: [checkout, orders]\n"),
        component("theirs", "scopes: [checkout]\n"),
        component("everybodys", "scopes: []\n"),
        namespaced("prod", "prod"),
        namespaced("test", "test"),
    ]
    .join("---\n");
    let (all, said) = load_for(&identity(), &[("r.yaml", &text)]);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(names(&all.unwrap()), ["mine", "everybodys", "prod", "test"]);
    let in_prod = Identity { namespace: "prod".to_owned(), ..identity() };
    let (some, _) = load_for(&in_prod, &[("r.yaml", &text)]);
    assert_eq!(names(&some.unwrap()), ["mine", "everybodys", "prod"]);
}

#[test]
fn what_is_for_others_is_not_looked_into() {
    let other =
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nspec: 5\nscopes: [checkout]\n";
    assert_eq!(names(&clean(&format!("{other}---\n{}", component("x", "")))), ["x"]);
    let foreign = "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n---\nsecrets: {a: b}\n---\njust text\n";
    assert_eq!(names(&clean(foreign)), Vec::<&str>::new());
}

#[test]
fn without_an_app_id_every_document_is_checked() {
    let text = format!(
        "{}---\n{}---\n{}",
        component("foo", "scopes: [a]\n"),
        component("foo", "scopes: [b]\n"),
        component("bar", "scopes: [a]\n").replace("type:", "typ:")
    );
    let (resources, said) = load_for(&Identity::default(), &[("r.yaml", &text)]);
    assert!(resources.is_none());
    assert!(said[0].contains("this component has no type"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

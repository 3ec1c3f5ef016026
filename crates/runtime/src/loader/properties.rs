//! A component's properties: values of the file, of secrets and of environment variables, with templates filled in
//! (reference 1.6, 3.4).

use std::collections::BTreeMap;

use mecha_component::Properties;
use mecha_component::secrets::Secret;
use mecha_config::runtime::{Component, Identity, PropertySource, ResourceKind};
use uuid::Uuid;

use super::failure::{Broken, Failure};
use crate::runtime::Runtime;

/// The secret store of components that name none: that of the embedded defaults.
const DEFAULT_STORE: &str = "secretstore";
/// What brokers know the application as.
const CONSUMER_ID: &str = "consumerID";
/// The namespace of processes that have none.
const DEFAULT_NAMESPACE: &str = "default";

/// Puts a component's properties together. What a secret or a variable does not give is left out and said in the log:
/// the driver knows whether it needs it.
pub(super) async fn resolve(runtime: &Runtime, component: &Component) -> Result<Properties, Failure> {
    let mut properties = Properties::default();
    let mut secrets = BTreeMap::new();
    for property in &component.properties {
        let value = match &property.source {
            PropertySource::Value(value) => Some(value.clone()),
            PropertySource::Env(name) => runtime.environment("Component", &component.name, name),
            PropertySource::Secret { name, key } => {
                if !secrets.contains_key(name) {
                    secrets.insert(name.clone(), secret(runtime, component, name).await?);
                }
                let key = if key.is_empty() { name } else { key };
                secrets.get(name).and_then(|secret: &Secret| secret.get(key)).cloned()
            }
        };
        let Some(value) = value else { continue };
        let value = fill_in(&value, &property.name, &runtime.config().identity)
            .map_err(|text| Failure::Broken(Broken::init(component, text, false)))?;
        properties.set(property.name.clone(), value);
    }
    if component.block() == ResourceKind::PubSub {
        let consumer = properties.get(CONSUMER_ID).map(str::trim).filter(|id| !id.is_empty());
        let consumer = consumer.unwrap_or(runtime.app_id()).to_owned();
        properties.set(CONSUMER_ID, consumer);
    }
    Ok(properties)
}

/// A secret that a component refers to; empty when the store does not give it.
async fn secret(runtime: &Runtime, component: &Component, name: &str) -> Result<Secret, Failure> {
    let store = component.secret_store.as_deref().filter(|store| !store.is_empty()).unwrap_or(DEFAULT_STORE);
    let Some(loaded) = runtime.components().secrets(store) else {
        return Err(Failure::Waiting(store.to_owned()));
    };
    let namespace = ("namespace".to_owned(), runtime.config().identity.namespace.clone());
    let metadata = BTreeMap::from([namespace]);
    Ok(loaded.driver.get(name, &metadata).await.unwrap_or_else(|error| {
        let component = component.log_name();
        tracing::error!("Error getting secret {name} of {store} for component {component}: {error}");
        Secret::new()
    }))
}

impl Runtime {
    /// The value of an environment variable that a resource (`Component`, `HTTPEndpoint`) refers to, if it may.
    pub(crate) fn environment(&self, kind: &str, resource: &str, variable: &str) -> Option<String> {
        if is_allowed(variable, self.config().process.env_keys.as_deref()) {
            return std::env::var(variable).ok();
        }
        tracing::warn!("{kind} {resource} references an env variable that isn't allowed: {variable}");
        None
    }
}

/// Tokens stay secret; a list of keys, where there is one, names all that may be read.
fn is_allowed(name: &str, listed: Option<&[String]>) -> bool {
    let upper = name.to_uppercase();
    let reserved = upper == "APP_API_TOKEN" || upper.starts_with("DAPR_");
    !name.is_empty()
        && !name.contains(' ')
        && !reserved
        && listed.is_none_or(|keys| keys.iter().any(|key| *key == upper || key == name))
}

/// Fills in the templates of a value; each `{uuid}` is another one.
fn fill_in(value: &str, property: &str, identity: &Identity) -> Result<String, String> {
    if !value.contains('{') {
        return Ok(value.to_owned());
    }
    let mut value = value.to_owned();
    while value.contains("{uuid}") {
        value = value.replacen("{uuid}", &Uuid::new_v4().to_string(), 1);
    }
    if value.contains("{podName}") {
        if identity.pod.is_empty() {
            return Err(format!(
                "failed to parse metadata: property {property} refers to {{podName}} but podName is not set"
            ));
        }
        value = value.replace("{podName}", &identity.pod);
    }
    let namespace = if identity.namespace.is_empty() { DEFAULT_NAMESPACE } else { &identity.namespace };
    let scoped = format!("{namespace}.{}", identity.app_id);
    let client = if identity.namespace.is_empty() { &identity.app_id } else { &scoped };
    Ok(value
        .replace("{namespace}", &scoped)
        .replace("{clientID}", client)
        .replace("{appID}", &identity.app_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(namespace: &str, pod: &str) -> Identity {
        Identity { app_id: "orders".into(), namespace: namespace.into(), pod: pod.into() }
    }

    #[test]
    fn templates_are_filled_in() {
        let shop = identity("shop", "orders-0");
        let fill = |value: &str| fill_in(value, "x", &shop).unwrap();
        assert_eq!(
            fill("{namespace}/{appID}/{podName}/{clientID}"),
            "shop.orders/orders/orders-0/shop.orders"
        );
        let ids = fill("{uuid} {uuid}");
        let (first, second) = ids.split_once(' ').unwrap();
        assert_ne!(first, second);
        assert_eq!(first.len(), 36);
        assert_eq!(
            fill_in("{namespace}.{clientID}", "x", &identity("", "")).unwrap(),
            "default.orders.orders"
        );
        assert_eq!(
            fill_in("{podName}", "consumerID", &identity("", "")).unwrap_err(),
            "failed to parse metadata: property consumerID refers to {podName} but podName is not set"
        );
    }

    #[test]
    fn tokens_can_not_be_read_from_the_environment() {
        for name in ["DAPR_API_TOKEN", "dapr_api_token", "APP_API_TOKEN", "A B", ""] {
            assert!(!is_allowed(name, None), "{name}");
        }
        assert!(is_allowed("HOME", None));
        let listed = ["HOST".to_owned()];
        assert!(is_allowed("HOST", Some(&listed)));
        assert!(!is_allowed("HOME", Some(&listed)));
    }
}

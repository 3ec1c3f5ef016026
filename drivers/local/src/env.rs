//! `secretstores.local.env`: environment variables as secrets. The environment is read once: nothing here changes it
//! later. The runtime's own variables and the application's token are never given out, as in Dapr.

use std::collections::BTreeMap;

use mecha_component::Result;
use mecha_component::secrets::{Metadata, Secret, SecretStore};

/// The token by which the runtime shows itself to the application.
const APP_TOKEN: &str = "APP_API_TOKEN";
/// What the runtime's own variables begin with, its API token among them.
const RUNTIME: &str = "DAPR_";

/// Secrets from the environment.
pub struct EnvStore {
    prefix: String,
    /// Without the prefix; those that may be given out.
    values: BTreeMap<String, String>,
}

impl EnvStore {
    /// The environment of this process; `prefix` stands before every name that is asked for.
    pub fn of_process(prefix: &str) -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::new(prefix, std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))))
    }

    /// A given environment.
    pub fn new(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let allowed = variables.into_iter().filter(|(name, _)| is_allowed(name));
        let named = allowed.filter_map(|(name, value)| {
            let name = name.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
            Some((name.to_owned(), value))
        });
        EnvStore { prefix: prefix.to_owned(), values: named.collect() }
    }
}

impl SecretStore for EnvStore {
    /// A variable that is not set is an empty secret, as in Dapr.
    async fn get(&self, name: &str, _: &Metadata) -> Result<Secret> {
        let value = self.values.get(name).cloned().unwrap_or_else(|| {
            if !is_allowed(&format!("{}{name}", self.prefix)) {
                tracing::warn!(name, "access to this environment variable is forbidden");
            }
            String::new()
        });
        Ok(Secret::from([(name.to_owned(), value)]))
    }

    async fn get_all(&self, _: &Metadata) -> Result<BTreeMap<String, Secret>> {
        let secret =
            |(name, value): (&String, &String)| (name.clone(), Secret::from([(name.clone(), value.clone())]));
        Ok(self.values.iter().map(secret).collect())
    }
}

fn is_allowed(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name != APP_TOKEN && !name.starts_with(RUNTIME)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mecha_component::conformance::secrets::{Missing, check};

    use super::*;

    const VARIABLES: [(&str, &str); 7] = [
        ("conftestsecret", "abcd"),
        ("secondsecret", "efgh"),
        ("SVC_TOKEN", "t"),
        ("SVC_", "the prefix itself"),
        ("DAPR_API_TOKEN", "never"),
        ("dapr_http_port", "never"),
        ("App_Api_Token", "never"),
    ];

    fn store(prefix: &str) -> EnvStore {
        EnvStore::new(prefix, VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    fn secret(name: &str, value: &str) -> Secret {
        Secret::from([(name.to_owned(), value.to_owned())])
    }

    #[tokio::test]
    async fn conforms() {
        let known = ["conftestsecret", "secondsecret"].into_iter().zip(["abcd", "efgh"]);
        let known: Vec<_> = known.map(|(name, value)| (name, secret(name, value))).collect();
        check(Arc::new(store("")), &known, Missing::Empty).await;
    }

    #[tokio::test]
    async fn a_prefix_stands_before_every_name() {
        let store = store("SVC_");
        let none = Metadata::new();
        assert_eq!(SecretStore::get(&store, "TOKEN", &none).await, Ok(secret("TOKEN", "t")));
        let all = SecretStore::get_all(&store, &none).await.unwrap();
        assert_eq!(all.into_keys().collect::<Vec<_>>(), ["TOKEN"]);
    }

    #[tokio::test]
    async fn tokens_and_the_runtime_s_own_are_not_given_out() {
        let none = Metadata::new();
        for (prefix, name) in
            [("", "DAPR_API_TOKEN"), ("", "dapr_http_port"), ("", "App_Api_Token"), ("DAPR_", "API_TOKEN")]
        {
            let found = SecretStore::get(&store(prefix), name, &none).await;
            assert_eq!(found, Ok(secret(name, "")), "{prefix}{name}");
        }
        let all = SecretStore::get_all(&store(""), &none).await.unwrap();
        assert!(all.keys().all(|name| !name.to_ascii_uppercase().starts_with("DAPR_")), "{all:?}");
        assert!(!all.contains_key("App_Api_Token"));
    }
}

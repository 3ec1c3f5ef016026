//! The environment variables that are read (reference 3.2), behind a lookup that tests replace.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Callers of the APIs must send this token.
pub(crate) const API_TOKEN: &str = "DAPR_API_TOKEN";
/// Sent with every call to the application.
pub(crate) const APP_TOKEN: &str = "APP_API_TOKEN";
/// The application's namespace.
pub(crate) const NAMESPACE: &str = "NAMESPACE";
/// The pod.
pub(crate) const POD: &str = "POD_NAME";
/// The address that other runtimes find this one at.
pub(crate) const HOST_IP: &str = "DAPR_HOST_IP";
/// No HTTP/2 without TLS on the HTTP API.
pub(crate) const DISABLE_H2C: &str = "DAPR_HTTP_DISABLE_H2C";
/// What `envRef` may name.
pub(crate) const ENV_KEYS: &str = "DAPR_ENV_KEYS";
/// Where embedded drivers keep their data; a variable of ours.
pub(crate) const DATA: &str = "MECHA_DATA_DIR";

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Environment variables.
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The environment of this process.
    pub fn process() -> Self {
        Environment::new(|name| std::env::var(name).ok())
    }

    /// An environment of the caller's making: `lookup` gives the value of a variable.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Environment { lookup: Arc::new(lookup) }
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// `DAPR_API_TOKEN`.
    pub fn api_token(&self) -> Option<String> {
        self.get(API_TOKEN)
    }

    /// `APP_API_TOKEN`.
    pub fn app_token(&self) -> Option<String> {
        self.get(APP_TOKEN)
    }

    /// `NAMESPACE`; empty when there is none.
    pub fn namespace(&self) -> String {
        self.get(NAMESPACE).unwrap_or_default()
    }

    /// `POD_NAME`; empty when there is none.
    pub fn pod(&self) -> String {
        self.get(POD).unwrap_or_default()
    }

    /// `DAPR_HOST_IP`, when it is an address.
    pub fn host_ip(&self) -> Option<IpAddr> {
        self.get(HOST_IP)?.parse().ok()
    }

    /// Whether the HTTP API speaks HTTP/2 without TLS: unless `DAPR_HTTP_DISABLE_H2C` says that it must not.
    pub fn h2c(&self) -> bool {
        !self.get(DISABLE_H2C).is_some_and(|value| truthy(&value))
    }

    /// The names in `DAPR_ENV_KEYS`, which spaces part.
    pub fn env_keys(&self) -> Option<Vec<String>> {
        let keys = self.get(ENV_KEYS)?;
        Some(keys.split_whitespace().map(str::to_owned).collect())
    }

    /// The folder of embedded drivers: `$MECHA_DATA_DIR/<app-id>`, or `mecha/<app-id>` in the user's folder for state
    /// (XDG base directories: `$XDG_STATE_HOME`, else `$HOME/.local/state`), or in the folder for temporary files.
    pub fn data(&self, app_id: &str) -> PathBuf {
        if let Some(folder) = self.get(DATA) {
            return PathBuf::from(folder).join(app_id);
        }
        let state = self.get("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let home = || Some(PathBuf::from(self.get("HOME")?).join(".local/state"));
        let base = state.or_else(home).unwrap_or_else(std::env::temp_dir);
        base.join("mecha").join(app_id)
    }
}

/// What counts as yes in a variable of Dapr's.
pub(crate) fn truthy(text: &str) -> bool {
    ["y", "yes", "true", "t", "on", "1"].iter().any(|yes| yes.eq_ignore_ascii_case(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::environment;

    #[test]
    fn the_folder_for_data_follows_the_users_wishes() {
        let data = |pairs| environment(pairs).data("orders");
        assert_eq!(data(&[("MECHA_DATA_DIR", "/d"), ("HOME", "/h")]), PathBuf::from("/d/orders"));
        assert_eq!(data(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]), PathBuf::from("/x/mecha/orders"));
        assert_eq!(
            data(&[("XDG_STATE_HOME", "x"), ("HOME", "/h")]),
            PathBuf::from("/h/.local/state/mecha/orders")
        );
        assert_eq!(data(&[]), std::env::temp_dir().join("mecha/orders"));
    }

    #[test]
    fn variables_have_daprs_meaning() {
        let env = environment(&[
            ("DAPR_API_TOKEN", ""),
            ("APP_API_TOKEN", "t"),
            ("DAPR_HTTP_DISABLE_H2C", "Yes"),
            ("DAPR_ENV_KEYS", "A B"),
            ("DAPR_HOST_IP", "10.0.0.1"),
        ]);
        assert_eq!((env.api_token(), env.app_token()), (None, Some("t".to_owned())));
        assert!(!env.h2c());
        assert!(environment(&[("DAPR_HTTP_DISABLE_H2C", "no")]).h2c());
        assert_eq!(env.env_keys(), Some(vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(env.host_ip(), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(environment(&[]).env_keys(), None);
    }
}

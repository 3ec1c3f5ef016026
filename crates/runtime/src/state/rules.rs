//! What a state component's own properties say about keys and values: the prefix of its keys (reference 1.4) and
//! whether values are encrypted.

use mecha_component::{Error, Properties, Result};
use mecha_config::runtime::{Component, Identity};

use super::encryption::Encryption;

/// Between the parts of a stored key.
pub const SEPARATOR: &str = "||";

const PREFIX_KEY: &str = "keyPrefix";

/// How a state store's keys and values are kept.
#[derive(Default)]
pub struct StateRules {
    /// What stands before every key, separator included; may be empty.
    prefix: String,
    /// How values are encrypted; `None` = not.
    pub(crate) encryption: Option<Encryption>,
}

impl StateRules {
    /// Those of a component without such properties: keys belong to the application.
    pub fn of_app(identity: &Identity) -> Self {
        StateRules { prefix: joined(&identity.app_id), encryption: None }
    }

    /// Those of a component.
    ///
    /// # Errors
    /// When the prefix has a separator in it or the encryption keys can't be used.
    pub fn of(component: &Component, properties: &Properties, identity: &Identity) -> Result<Self> {
        let encryption = Encryption::of(component, properties)?;
        let app = &identity.app_id;
        // Dapr lowers a literal prefix too; the same keys must be found.
        let strategy = properties.get(PREFIX_KEY).map(|text| text.trim().to_lowercase()).unwrap_or_default();
        let prefix = match strategy.as_str() {
            "" | "appid" => joined(app),
            "name" => joined(&component.name),
            "namespace" if !identity.namespace.is_empty() && !app.is_empty() => {
                joined(&format!("{}.{app}", identity.namespace))
            }
            "namespace" => joined(app),
            "none" => String::new(),
            literal if literal.contains(SEPARATOR) => {
                return Err(Error::configuration(format!(
                    "failed to save lock keyprefix: {}",
                    illegal(literal)
                )));
            }
            literal => joined(literal),
        };
        Ok(StateRules { prefix, encryption })
    }

    /// The key as it is stored.
    ///
    /// # Errors
    /// When it has a separator in it: the text says so.
    pub fn whole_key(&self, key: &str) -> std::result::Result<String, String> {
        if key.contains(SEPARATOR) {
            return Err(illegal(key));
        }
        let mut whole = String::with_capacity(self.prefix.len() + key.len());
        whole.push_str(&self.prefix);
        whole.push_str(key);
        Ok(whole)
    }

    /// What stands before every key.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// The application's key in a stored one: the second part, or the whole when there is only one.
pub(crate) fn own_key(whole: &str) -> &str {
    whole.split(SEPARATOR).nth(1).unwrap_or(whole)
}

fn joined(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{part}{SEPARATOR}") }
}

fn illegal(key: &str) -> String {
    format!("input key/keyPrefix '{key}' can't contain '{SEPARATOR}'")
}

//! Components and subscriptions as files declare them (reference 3.4).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A configured driver.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Unique among components.
    pub name: String,
    /// `state.redis`.
    pub kind: String,
    /// `v1`; never empty.
    pub version: String,
    /// A component that can't be initialised does not end the process.
    pub ignore_errors: bool,
    /// How long its initialisation may take.
    pub init_timeout: Duration,
    /// `spec.metadata`, in the order of the file.
    pub properties: Vec<Property>,
    /// `auth.secretStore`: where secrets are looked up.
    pub secret_store: Option<String>,
    /// Where it is declared, for messages: `file:line`. Not part of its identity: equal components may differ here.
    pub place: Place,
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// As written.
    pub name: String,
    /// Where its value comes from.
    pub source: PropertySource,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertySource {
    /// It stands in the file.
    Value(String),
    /// A key of a secret; an empty key means the secret's name.
    Secret {
        /// The secret.
        name: String,
        /// The key in it.
        key: String,
    },
    /// An environment variable.
    Env(String),
}

/// What sort of building block a component is, by the first part of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// `state.*`
    State,
    /// `pubsub.*`
    PubSub,
    /// `secretstores.*`
    SecretStore,
    /// `middleware.http.*`
    Middleware,
    /// `bindings.*`, `configuration.*`, `lock.*`, `crypto.*`, `conversation.*`, `nameresolution.*`, `workflow*`, or unknown.
    Other,
}

impl Component {
    /// The version of a component that names none.
    pub const VERSION: &str = "v1";
    /// How long a component may take to begin unless it says otherwise (reference 3.4).
    pub const INIT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A component that says no more than its type.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Component {
            name: name.into(),
            kind: kind.into(),
            version: Self::VERSION.to_owned(),
            ignore_errors: false,
            init_timeout: Self::INIT_TIMEOUT,
            properties: Vec::new(),
            secret_store: None,
            place: Place::default(),
        }
    }

    /// The sort of building block.
    pub fn block(&self) -> ResourceKind {
        match self.kind.split('.').next().unwrap_or_default() {
            "state" => ResourceKind::State,
            "pubsub" => ResourceKind::PubSub,
            "secretstores" => ResourceKind::SecretStore,
            "middleware" => ResourceKind::Middleware,
            _ => ResourceKind::Other,
        }
    }

    /// As log lines name it: `name (type/version)`.
    pub fn log_name(&self) -> String {
        format!("{} ({}/{})", self.name, self.kind, self.version)
    }

    /// The value of a property that stands in the file; names match in any case.
    pub fn plain(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name)).and_then(
            |property| match &property.source {
                PropertySource::Value(value) => Some(value.as_str()),
                PropertySource::Secret { .. } | PropertySource::Env(_) => None,
            },
        )
    }
}

/// File and line of a declaration. All places are equal, so that moving a resource inside its file changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The file; empty when it is in none.
    pub file: Arc<str>,
    /// From 1; 0 when unknown.
    pub line: u32,
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() { f.write_str("built in") } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// The wish for a topic's messages, declared by a file or by the application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// The resource's name; empty when the application declares it.
    pub name: String,
    /// The pub/sub component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// Asked in order; the first that matches gives the path.
    pub rules: Vec<SubscriptionRule>,
    /// For the driver, and `rawPayload`.
    pub metadata: BTreeMap<String, String>,
    /// Where messages go that can't be delivered.
    pub dead_letter: Option<String>,
    /// Several messages at a time.
    pub bulk: Option<Bulk>,
    /// Where it is declared.
    pub place: Place,
}

/// A path and when it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionRule {
    /// A CEL expression over `event`; empty = always.
    pub matches: String,
    /// The application's path.
    pub path: String,
}

/// Delivery of several messages at a time (reference 1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Most messages; 100 unless said.
    pub max_messages: usize,
    /// How long the first may wait for more; 1 s unless said.
    pub max_await: Duration,
}

impl Default for Bulk {
    fn default() -> Self {
        Bulk { max_messages: 100, max_await: Duration::from_secs(1) }
    }
}

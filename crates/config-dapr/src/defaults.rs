//! What an application gets that names no resources: state, messages and secrets without anything to install.

use std::time::Duration;

use mecha_config::runtime::Component;

/// How long a component may take to begin unless it says otherwise (reference 3.4).
pub(crate) const INIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The version of a component that names none.
pub(crate) const VERSION: &str = "v1";

/// `statestore` and `pubsub`, embedded and durable in `process.data`, and `secretstore`, the environment variables.
pub fn default_components() -> Vec<Component> {
    let component = |name: &str, kind: &str| Component {
        name: name.to_owned(),
        kind: kind.to_owned(),
        version: VERSION.to_owned(),
        ignore_errors: false,
        init_timeout: INIT_TIMEOUT,
        properties: Vec::new(),
        secret_store: None,
        place: Default::default(),
    };
    vec![
        component("statestore", "state.mecha"),
        component("pubsub", "pubsub.mecha"),
        component("secretstore", "secretstores.local.env"),
    ]
}

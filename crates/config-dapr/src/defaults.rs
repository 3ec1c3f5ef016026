//! What an application gets that names no resources: state, messages and secrets without anything to install.

use mecha_config::runtime::Component;

/// `statestore` and `pubsub`, embedded and durable in `process.data`, and `secretstore`, the environment variables.
pub fn default_components() -> Vec<Component> {
    vec![
        Component::new("statestore", "state.mecha"),
        Component::new("pubsub", "pubsub.mecha"),
        Component::new("secretstore", "secretstores.local.env"),
    ]
}

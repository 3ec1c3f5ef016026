//! What the quickstart's application runtimes are told: Dapr's resource files with a state store, a broker, a
//! subscription and a secret store, and a Configuration that names the two applications, so that nothing depends on
//! multicast. All of it lies in the folder of the run, the data too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::ports::{Ports, RuntimePorts};
use super::service;

/// The state store.
pub(super) const STORE: &str = "statestore";
/// The broker.
pub(super) const PUBSUB: &str = "pubsub";
/// The secret store.
pub(super) const SECRET_STORE: &str = "secretstore";
/// What is published, and the path at which the subscriber gets it.
pub(super) const TOPIC: &str = "orders";
pub(super) const ROUTE: &str = "/orders";
/// A secret and its value.
pub(super) const SECRET: (&str, &str) = ("greeting", "hello from the secret store");

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The folder for `--resources-path`.
    pub(super) resources: PathBuf,
    /// The Configuration.
    pub(super) config: PathBuf,
}

/// Writes everything into `folder`. Fails when it can't.
pub(super) fn write(ports: &Ports, folder: &Path) -> io::Result<Files> {
    let files = Files { resources: folder.join("resources"), config: folder.join("dapr_config.yaml") };
    let secrets = folder.join("secrets.json");
    let (name, value) = SECRET;
    fs::write(&secrets, format!("{:#}\n", json!({ name: value })))?;
    fs::write(&files.config, configuration(ports))?;
    fs::create_dir(&files.resources)?;
    let data = folder.join("data");
    for (name, text) in [
        ("statestore.yaml", component(STORE, "state.mecha", "dataDir", &data)),
        ("pubsub.yaml", component(PUBSUB, "pubsub.mecha", "dataDir", &data)),
        ("secretstore.yaml", component(SECRET_STORE, "secretstores.local.file", "secretsFile", &secrets)),
        ("subscription.yaml", subscription()),
    ] {
        fs::write(files.resources.join(name), text)?;
    }
    Ok(files)
}

/// The flags of the runtime beside a service, but for the one that names the Configuration.
pub(super) fn flags(name: &str, service: u16, ports: &RuntimePorts, files: &Files) -> Vec<String> {
    let RuntimePorts { http, grpc, internal, metrics } = ports;
    let flags = [
        ("app-id", name.to_owned()),
        ("app-port", service.to_string()),
        ("dapr-listen-addresses", http.ip().to_string()),
        ("dapr-http-port", http.port().to_string()),
        ("dapr-grpc-port", grpc.port().to_string()),
        ("dapr-internal-grpc-listen-address", internal.ip().to_string()),
        ("dapr-internal-grpc-port", internal.port().to_string()),
        ("metrics-listen-address", metrics.ip().to_string()),
        ("metrics-port", metrics.port().to_string()),
        ("resources-path", files.resources.display().to_string()),
    ];
    flags.into_iter().flat_map(|(flag, value)| [format!("--{flag}"), value]).collect()
}

/// A component for the first application: an embedded store belongs to one process.
fn component(name: &str, kind: &str, property: &str, path: &Path) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: {name}
spec:
  type: {kind}
  version: v1
  metadata:
    - name: {property}
      value: {}
scopes: [{}]
",
        // A JSON string is one of YAML.
        json!(path),
        service::NAMES[0]
    )
}

fn subscription() -> String {
    format!(
        "apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata:
  name: {TOPIC}
spec:
  pubsubname: {PUBSUB}
  topic: {TOPIC}
  routes:
    default: {ROUTE}
scopes: [{}]
",
        service::NAMES[0]
    )
}

fn configuration(ports: &Ports) -> String {
    let names = service::NAMES.iter().zip(&ports.runtimes);
    let apps: String =
        names.map(|(name, runtime)| format!("        {name}: {}\n", runtime.internal)).collect();
    format!(
        "apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: quickstart
spec:
  nameResolution:
    component: static
    configuration:
      apps:
{apps}"
    )
}

#[cfg(test)]
mod tests {
    use mecha_config::runtime::Identity;
    use mecha_config_dapr::{Environment, load_configuration, load_resources};

    use super::super::ports;
    use super::*;

    #[test]
    fn they_load_without_a_warning_and_the_data_is_one_applications() {
        let (ports, _held) = ports::reserve().unwrap();
        let folder = std::env::temp_dir().join(format!("mecha-quickstart-resources-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = write(&ports, &folder).unwrap();
        let of = |name: &str| {
            let identity = Identity { app_id: name.to_owned(), ..Identity::default() };
            let loaded = load_resources(std::slice::from_ref(&files.resources), &identity);
            assert_eq!(loaded.diagnostics.to_string(), "");
            let resources = loaded.resources.unwrap();
            (resources.components.len(), resources.subscriptions.len())
        };
        assert_eq!((of("service-a"), of("service-b")), ((3, 1), (0, 0)));
        let (settings, diagnostics) =
            load_configuration(std::slice::from_ref(&files.config), &Environment::process());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(diagnostics.to_string(), "");
        assert!(settings.is_some());
    }
}

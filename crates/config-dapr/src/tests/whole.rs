//! A whole runtime from flags, environment and files.

use super::{Folder, environment, flags};
use crate::{default_components, load};

const COMPONENT: &str =
    "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec: {type: state.in-memory}\n";

#[test]
fn without_resources_the_embedded_defaults_exist() {
    let loaded = load(&flags("--app-id orders"), &environment(&[]));
    assert_eq!(loaded.diagnostics.to_string(), "");
    let components = loaded.runtime.unwrap().resources.components;
    let names: Vec<String> = components.iter().map(|component| component.log_name()).collect();
    assert_eq!(
        names,
        [
            "statestore (state.mecha/v1)",
            "pubsub (pubsub.mecha/v1)",
            "secretstore (secretstores.local.env/v1)"
        ]
    );
    assert_eq!(components, default_components());
    assert_eq!(components[0].place.to_string(), "built in");
}

#[test]
fn files_complete_the_runtime() {
    let configuration = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nspec:\n  tracing: {samplingRate: '1'}\n  \
        nameResolution: {component: static, configuration: {apps: {pay: '127.0.0.1:5001'}}}\n";
    let folder = Folder::with(&[("res/a.yaml", COMPONENT), ("config.yaml", configuration)]);
    let base = folder.path().display();
    let line = format!("--app-id orders --resources-path {base}/res --config {base}/config.yaml");
    let loaded = load(&flags(&line), &environment(&[]));
    assert_eq!(loaded.diagnostics.to_string(), "");
    let runtime = loaded.runtime.unwrap();
    assert_eq!(runtime.resources.components.len(), 1);
    assert_eq!(runtime.process.resources, [folder.path().join("res")]);
    assert_eq!(runtime.settings.tracing.sampling_rate, Some(1.0));
    assert_eq!(runtime.process.static_names["pay"], ["127.0.0.1:5001"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder =
        Folder::with(&[("res/a.yaml", "a: [\n"), ("config.yaml", "spec: {tracing: {samplingRate: x}}\n")]);
    let base = folder.path().display();
    let line = format!("--app-id a.b --resources-path {base}/res --config {base}/config.yaml");
    let loaded = load(&flags(&line), &environment(&[("DAPR_HOST_IP", "x")]));
    assert!(loaded.runtime.is_none());
    let said = folder.lines(&loaded.diagnostics.to_string());
    let starts =
        ["error: --app-id:", "error: DAPR_HOST_IP:", "config.yaml:1:32: error: spec.tracing", "res/a.yaml:"];
    assert_eq!(said.len(), starts.len(), "{said:?}");
    for (line, start) in said.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\nshould begin: {start}");
    }
    assert_eq!(loaded.fatal().unwrap().lines().count(), 4);
}

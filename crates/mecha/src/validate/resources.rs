//! The half of `mecha validate` that reads as the application runtime does: Dapr's resource files and Configuration.

use std::io::{self, Write};
use std::path::PathBuf;

use mecha_component::Driver;
use mecha_config::runtime::{Component, Identity, ResourceKind, Resources, Settings};
use mecha_config::{Diagnostic, Severity};
use mecha_config_dapr::{Environment, load_configuration, load_resources};

use super::{Colour, count, part, verdict};
use crate::cli::ValidateArgs;
use crate::drivers::DRIVERS;

/// Writes what is said about the Configuration files, together, and about the folders; whether all can run.
pub(super) fn report(
    args: &ValidateArgs,
    settings: &[PathBuf],
    (out, colour): (&mut impl Write, Colour),
) -> io::Result<bool> {
    let environment = Environment::process();
    let mut sound = true;
    if !settings.is_empty() {
        let (read, found) = load_configuration(settings, &environment);
        sound &= part(&names(settings), found, args.strict, (out, colour), |found| {
            verdict(found, read.filter(|_| !found.has_errors()).as_ref().map(says))
        })?;
    }
    if !args.resources_path.is_empty() {
        let (namespace, pod) = (environment.namespace(), environment.pod());
        let identity = Identity { app_id: args.app_id.clone(), namespace, pod };
        let mut loaded = load_resources(&args.resources_path, &identity);
        let resources = loaded.resources;
        loaded.diagnostics.0.extend(resources.iter().flat_map(|them| &them.components).filter_map(undriven));
        sound &=
            part(&names(&args.resources_path), loaded.diagnostics, args.strict, (out, colour), |found| {
                verdict(found, resources.filter(|_| !found.has_errors()).as_ref().map(holds))
            })?;
    }
    Ok(sound)
}

/// What is wrong with a component whose type no driver of this binary serves. The runtime says the same when it starts.
fn undriven(component: &Component) -> Option<Diagnostic> {
    let (kind, version) = (component.kind.as_str(), component.version.as_str());
    let hint = match component.block() {
        ResourceKind::State => Driver::find(DRIVERS.state, kind, version).err()?,
        ResourceKind::PubSub => Driver::find(DRIVERS.pubsub, kind, version).err()?,
        ResourceKind::SecretStore => Driver::find(DRIVERS.secrets, kind, version).err()?,
        ResourceKind::Middleware => return None,
        ResourceKind::Other => {
            "types begin with state., pubsub., secretstores. or middleware.http.".to_owned()
        }
    };
    let severity = if component.ignore_errors { Severity::Warning } else { Severity::Error };
    Some(Diagnostic {
        severity,
        file: component.place.file.clone(),
        line: component.place.line,
        column: 1,
        key: "spec.type".to_owned(),
        message: format!("{} can't be loaded: no driver for {kind}/{version}", component.name),
        hint: Some(hint),
    })
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn says(settings: &Settings) -> String {
    let handlers = settings.http_pipeline.len() + settings.app_pipeline.len();
    let policies = settings.access_control.as_ref().map_or(0, |control| control.policies.len());
    let (handlers, policies) = (count(handlers, "handler"), format!("{policies} access {}", noun(policies)));
    format!("{handlers}, {policies}")
}

fn noun(number: usize) -> &'static str {
    if number == 1 { "policy" } else { "policies" }
}

fn holds(resources: &Resources) -> String {
    let resiliency = resources.resiliency.len();
    [
        count(resources.components.len(), "component"),
        count(resources.subscriptions.len(), "subscription"),
        format!("{resiliency} resiliency {}", noun(resiliency)),
        count(resources.endpoints.len(), "endpoint"),
    ]
    .join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::command;

    const COMPONENT: &str = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec: {type: state.in-memory}\n";
    const CONFIGURATION: &str = "kind: Configuration\nspec: {tracing: {samplingRate: '1'}}\n";

    /// What is said about two files in a folder, without the folder's own name.
    fn said(name: &str, resource: &str, configuration: &str, args: &[&str]) -> (bool, String) {
        let base = std::env::temp_dir().join(format!("mecha-validate-{}-{name}", std::process::id()));
        let resources = base.join("res");
        std::fs::create_dir_all(&resources).unwrap();
        std::fs::write(resources.join("r.yaml"), resource).unwrap();
        let file = base.join("config.yaml");
        std::fs::write(&file, configuration).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (resources, file) = (text(&resources), text(&file));
        let (sound, said) =
            command(&[&["--resources-path", resources.as_str(), "--config", file.as_str()], args].concat());
        std::fs::remove_dir_all(&base).unwrap();
        (sound, said.replace(&format!("{}/", base.display()), ""))
    }

    #[test]
    fn resources_and_configuration_are_summed_up() {
        let (sound, text) = said("sound", COMPONENT, CONFIGURATION, &[]);
        assert_eq!(
            text,
            "config.yaml: ok (0 handlers, 0 access policies)\n\
             res: ok (1 component, 0 subscriptions, 0 resiliency policies, 0 endpoints)\n"
        );
        assert!(sound);
    }

    #[test]
    fn every_mistake_of_both_has_its_place() {
        let configuration = CONFIGURATION.replace('1', "7");
        let resource = COMPONENT.replace("type", "typ");
        let (sound, text) = said("wrong", &resource, &configuration, &[]);
        assert!(!sound);
        assert_eq!(
            text,
            "config.yaml:2:32: error: spec.tracing.samplingRate: \"7\" is no sampling rate \
             (write a share from \"0\" to \"1\")\n\
             config.yaml: 1 error\n\
             res/r.yaml:4:7: error: spec: this component has no type (set spec.type, for example state.redis)\n\
             res/r.yaml:4:8: warning: spec.typ: unknown key \"typ\" is ignored (did you mean \"type\"?)\n\
             res: 1 error, 1 warning\n"
        );
    }

    #[test]
    fn a_type_without_a_driver_is_told_before_the_start() {
        let resource = COMPONENT.replace("in-memory", "in-memoy");
        let (sound, text) = said("driver", &resource, CONFIGURATION, &[]);
        assert!(!sound);
        let wanted = "res/r.yaml:3:1: error: spec.type: store can't be loaded: no driver for state.in-memoy/v1 \
            (did you mean state.in-memory? this build knows state.in-memory, ";
        assert!(text.contains(wanted), "{text}");
        let resource = resource.replace("spec: {", "spec: {ignoreErrors: true, ");
        assert!(said("ignored", &resource, CONFIGURATION, &[]).0);
    }

    #[test]
    fn what_is_for_other_applications_is_left_out_when_one_is_named() {
        let resource = format!("{}scopes: [other]\n", COMPONENT.replace("type: ", "type: 5, x: "));
        assert!(said("mine", &resource, CONFIGURATION, &["--app-id", "orders"]).0);
        assert!(!said("all", &resource, CONFIGURATION, &[]).0);
    }

    #[test]
    fn strict_counts_warnings_of_resources_too() {
        let resource = COMPONENT.replace("spec: {", "spec: {colour: red, ");
        assert!(said("lenient", &resource, CONFIGURATION, &[]).0);
        let (sound, text) = said("strict", &resource, CONFIGURATION, &["--strict"]);
        assert!(!sound);
        assert!(text.contains("res/r.yaml:4:8: error: spec.colour: unknown key"), "{text}");
    }
}

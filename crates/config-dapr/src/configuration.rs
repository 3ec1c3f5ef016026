//! The Configuration resource (reference 3.3): several files, one after the other, onto one object; environment
//! variables are put into the text first. Keys of features that come later are taken without a word, unknown ones with a
//! warning.

mod access;
mod apis;
mod metrics;
mod secrets;
mod tracing;

use std::path::{Path, PathBuf};

use mecha_config::Diagnostics;
use mecha_config::runtime::Settings;
use mecha_config::runtime::settings::{ApiLogging, Handler, NameResolution};
use mecha_document::{Document, Findings, Format, Hints, Node, Object, shortened};

use crate::environment::Environment;
use crate::expand::expand;

const HINTS: Hints = Hints {
    absent: "give a Configuration that exists with --config",
    large: "a Configuration is a small file",
};

const KIND: &str = "Configuration";

/// Reads the files in their order: a key of a later file replaces that of an earlier one, `metrics` goes before
/// `metric` field by field. Without files the settings are the default ones. `None` exactly when there is an error.
pub fn load_configuration(files: &[PathBuf], env: &Environment) -> (Option<Settings>, Diagnostics) {
    let findings = Findings::default();
    let mut draft = Draft::default();
    for file in files {
        let Some(text) = mecha_document::read(file, HINTS, &findings) else { continue };
        let text = expand(&text, env);
        let name = file.display().to_string();
        for document in Document::parse_all(&text, &name, &findings) {
            draft.document(document.root());
        }
    }
    let settings = draft.finish();
    let diagnostics = findings.finish();
    ((!diagnostics.has_errors()).then_some(settings), diagnostics)
}

/// Whether a YAML file holds a Configuration, and not for example one of MOSN's; false when it can't be read.
pub fn is_configuration(file: &Path) -> bool {
    if Format::of(file) != Format::Yaml {
        return false;
    }
    let findings = Findings::default();
    let text = mecha_document::read(file, HINTS, &findings).unwrap_or_default();
    let name = file.display().to_string();
    let documents = Document::parse_all(&text, &name, &findings);
    documents.iter().any(|document| {
        document.root().entries().any(|(key, value)| key.text() == "kind" && value.text() == KIND)
    })
}

/// The settings while files are read: what only several keys together decide stands beside them.
#[derive(Default)]
struct Draft {
    settings: Settings,
    metric: metrics::Layer,
    metrics: metrics::Layer,
    access: access::Draft,
}

impl Draft {
    fn document(&mut self, root: Node<'_>) {
        let Some(fields) = root.object() else { return };
        fields.accept(&["apiVersion", "metadata"]);
        if let Some((node, kind)) = fields.text_at("kind").filter(|(_, kind)| *kind != KIND) {
            let message = format!("the kind {} is no Configuration and is ignored here", shortened(kind));
            node.warn_with(message, "other resources are loaded from the folders of --resources-path");
            fields.accept(&["spec", "scopes", "auth"]);
            return;
        }
        if let Some(spec) = fields.object("spec") {
            self.spec(&spec);
        }
    }

    fn spec(&mut self, spec: &Object<'_>) {
        // Without effect until their features come: mTLS, WebAssembly, workflows.
        spec.accept(&["mtls", "wasm", "workflow"]);
        let settings = &mut self.settings;
        if let Some(fields) = spec.object("tracing") {
            tracing::tracing(&fields, &mut settings.tracing);
        }
        if let Some(fields) = spec.object("metric") {
            self.metric.read(&fields);
        }
        if let Some(fields) = spec.object("metrics") {
            self.metrics.read(&fields);
        }
        if let Some(fields) = spec.object("httpPipeline") {
            settings.http_pipeline = fields.each("handlers", handler);
        }
        if let Some(fields) = spec.object("appHttpPipeline") {
            settings.app_pipeline = fields.each("handlers", handler);
        }
        if let Some(fields) = spec.object("secrets") {
            settings.secret_scopes = secrets::scopes(&fields);
        }
        if let Some(fields) = spec.object("accessControl") {
            self.access.read(&fields);
        }
        if let Some(fields) = spec.object("nameResolution") {
            settings.name_resolution = name_resolution(&fields);
        }
        for node in spec.list("features") {
            if let Some((name, enabled)) = feature(node) {
                settings.features.insert(name, enabled);
            }
        }
        if let Some(fields) = spec.object("api") {
            apis::apis(&fields, settings);
        }
        if let Some(fields) = spec.object("components") {
            let kind = |node: Node<'_>| node.string().map(str::to_owned);
            settings.components_denied = fields.each("deny", kind);
        }
        if let Some(fields) = spec.object("logging").and_then(|fields| fields.object("apiLogging")) {
            api_logging(&fields, &mut settings.api_logging);
        }
    }

    fn finish(self) -> Settings {
        let Draft { mut settings, metric, metrics, access } = self;
        settings.metrics = metrics::merge(&metric, &metrics);
        settings.access_control = access.finish();
        settings
    }
}

/// `{name, type}`; versions and selectors decide nothing here.
fn handler(node: Node<'_>) -> Option<Handler> {
    let fields = node.object()?;
    fields.accept(&["version", "selector"]);
    let (name, kind) = (fields.text("name"), fields.text("type"));
    let (Some(name), Some(kind)) = (name, kind) else {
        node.error_with("a handler needs a name and a type", "name a middleware component");
        return None;
    };
    Some(Handler { name: name.to_owned(), kind: kind.to_owned() })
}

fn feature(node: Node<'_>) -> Option<(String, bool)> {
    let fields = node.object()?;
    let enabled = fields.flag("enabled");
    Some((fields.text("name")?.to_owned(), enabled))
}

fn name_resolution(fields: &Object<'_>) -> Option<NameResolution> {
    fields.accept(&["version"]);
    let configuration = fields.get("configuration").map(Node::json).unwrap_or_default();
    // An empty component is what Dapr's own samples write for the default.
    let component = fields.text("component")?.to_owned();
    Some(NameResolution { component, configuration })
}

fn api_logging(fields: &Object<'_>, logging: &mut ApiLogging) {
    let set = |key, place: &mut bool| {
        if let Some(flag) = fields.get(key).and_then(Node::flag) {
            *place = flag;
        }
    };
    set("enabled", &mut logging.enabled);
    set("obfuscateURLs", &mut logging.obfuscate_urls);
    set("omitHealthChecks", &mut logging.omit_health_checks);
}

#[cfg(test)]
mod tests;

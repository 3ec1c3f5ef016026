//! Resource files (reference 3.4): every YAML document of every folder, those of this application and namespace, into
//! the model. Also called again while the runtime is up, when a file changes.

mod component;
mod endpoint;
mod head;
mod property;
mod resiliency;
mod subscription;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mecha_config::runtime::{Identity, Resources};
use mecha_config::{Diagnostic, Diagnostics, Severity};
use mecha_document::{Document, Findings, Hints};

use head::{Head, Kind};

/// How the message of a duplicate begins; its words are a contract (reference 5.4).
pub(crate) const DUPLICATE: &str = "duplicate definition of ";

const HINTS: Hints = Hints {
    absent: "mend its permissions, or move it away",
    large: "a folder of resources holds YAML files only",
};

/// What the folders hold.
#[derive(Clone, Debug, Default)]
pub struct LoadedResources {
    /// The resources of this application; there exactly when `diagnostics` holds no error.
    pub resources: Option<Resources>,
    /// Every finding.
    pub diagnostics: Diagnostics,
}

impl LoadedResources {
    /// The errors in the words of [`crate::fatal`].
    pub fn fatal(&self) -> Option<String> {
        crate::fatal(&self.diagnostics)
    }
}

/// Reads the `*.yaml` and `*.yml` files of the folders, each folder in the order of the names, folders in them left
/// out. Documents that `scopes` or, with `NAMESPACE` set, `metadata.namespace` keep from this application are left out
/// before they are looked into; an identity without an app id stands for every application, so that all of them are
/// checked. A name that a kind has twice is an error, as is what can't be read; a Resiliency that
/// is wrong is left out with a warning, as in Dapr. Blocks on the file system.
pub fn load_resources(folders: &[PathBuf], identity: &Identity) -> LoadedResources {
    let findings = Findings::default();
    let mut loader =
        Loader { identity, findings: &findings, names: HashMap::new(), resources: Resources::default() };
    let mut files = Vec::new();
    for folder in folders {
        list(folder, &findings, &mut files);
    }
    for file in &files {
        loader.file(file);
    }
    let resources = loader.resources;
    let diagnostics = findings.finish();
    let resources = (!diagnostics.has_errors()).then_some(resources);
    LoadedResources { resources, diagnostics }
}

/// Adds the YAML files of a folder by name.
fn list(folder: &Path, findings: &Findings, files: &mut Vec<PathBuf>) {
    let name = folder.display().to_string();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let hint = "give a folder that exists with --resources-path";
            return findings.add(finding(Severity::Error, &name, format!("can't be read: {error}"), hint));
        }
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            continue;
        }
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml") {
            found.push(path);
        } else if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            let message = "is no YAML file and is not loaded".to_owned();
            let hint = "resources are in files that end in .yaml or .yml";
            findings.add(finding(Severity::Warning, &path.display().to_string(), message, hint));
        }
    }
    found.sort();
    files.append(&mut found);
}

fn finding(severity: Severity, file: &str, message: String, hint: &str) -> Diagnostic {
    let (key, hint) = (String::new(), Some(hint.to_owned()));
    Diagnostic { severity, file: file.into(), line: 0, column: 0, key, message, hint }
}

struct Loader<'f> {
    identity: &'f Identity,
    findings: &'f Findings,
    /// The name under which log lines show each resource, by kind and name; for no application in particular by scopes
    /// too, since applications may have resources of the same name.
    names: HashMap<(Kind, String, String), String>,
    resources: Resources,
}

impl Loader<'_> {
    fn file(&mut self, path: &Path) {
        let Some(text) = mecha_document::read(path, HINTS, self.findings) else { return };
        let name = path.display().to_string();
        for document in Document::parse_all(&text, &name, self.findings) {
            self.document(&document);
        }
    }

    fn document(&mut self, document: &Document<'_>) {
        let root = document.root();
        let Some(kind) = Kind::of(root) else { return };
        if !head::is_for(root, self.identity) {
            return;
        }
        let mark = self.findings.mark();
        let Some(head) = Head::read(root, kind) else { return };
        match kind {
            Kind::Component => {
                if let Some(component) = component::component(&head)
                    && self.is_first(&head, component.log_name())
                {
                    self.resources.components.push(component);
                }
            }
            Kind::Subscription | Kind::SubscriptionV2 => {
                if let Some(subscription) = subscription::subscription(&head, kind)
                    && self.is_first(&head, head.name.clone())
                {
                    self.resources.subscriptions.push(subscription);
                }
            }
            Kind::HttpEndpoint => {
                if let Some(endpoint) = endpoint::endpoint(&head)
                    && self.is_first(&head, head.name.clone())
                {
                    self.resources.endpoints.push(endpoint);
                }
            }
            Kind::Resiliency => {
                let resiliency = resiliency::resiliency(&head);
                let prefix = format!("Could not read resiliency policy {}: ", head.name);
                if !self.findings.soften(mark, &prefix) && self.is_first(&head, head.name.clone()) {
                    self.resources.resiliency.push(resiliency);
                }
            }
        }
    }

    /// Whether no resource of its kind has its name yet; the second one is an error.
    fn is_first(&mut self, head: &Head<'_>, log_name: String) -> bool {
        let scopes = if self.identity.app_id.is_empty() { head.scopes.clone() } else { String::new() };
        let key = (head.kind.family(), head.name.clone(), scopes);
        if let Some(existing) = self.names.get(&key) {
            head.at_name
                .error(format!("{DUPLICATE}{} name {log_name} with existing {existing}", head.kind.name()));
            return false;
        }
        self.names.insert(key, log_name);
        true
    }
}

#[cfg(test)]
mod tests;

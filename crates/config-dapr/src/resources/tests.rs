//! What folders of resources become: each kind, who gets what, and every mistake with its place.

mod kinds;
mod mistakes;
mod policies;

use mecha_config::runtime::Identity;

use super::*;
use crate::tests::Folder;

/// For the application `orders` in no namespace.
fn identity() -> Identity {
    Identity { app_id: "orders".to_owned(), ..Identity::default() }
}

/// The resources of a file, and what was said about it, a line each.
fn load(text: &str) -> (Option<Resources>, Vec<String>) {
    load_for(&identity(), &[("r.yaml", text)])
}

fn load_for(identity: &Identity, files: &[(&str, &str)]) -> (Option<Resources>, Vec<String>) {
    let folder = Folder::with(files);
    let loaded = load_resources(&[folder.path().to_path_buf()], identity);
    (loaded.resources, folder.lines(&loaded.diagnostics.to_string()))
}

/// The resources of a file about which there is nothing to say.
fn clean(text: &str) -> Resources {
    let (resources, said) = load(text);
    assert_eq!(said, Vec::<String>::new(), "in:\n{text}");
    resources.unwrap()
}

fn component(name: &str, more: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {{type: state.in-memory, version: v1}}\n{more}"
    )
}

fn names(resources: &Resources) -> Vec<&str> {
    resources.components.iter().map(|component| component.name.as_str()).collect()
}

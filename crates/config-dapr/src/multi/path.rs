//! Paths of a run file.

use std::path::{Path, PathBuf};

use mecha_document::Node;

use crate::environment::Environment;

/// The folder that resources and configuration of an application are looked for in when the file names none.
pub(super) const DAPR: &str = ".dapr";

/// The path from the root, without `.` and `..`.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}

/// The path that a node names, relative to `base`; says when there is nothing.
pub(super) fn existing(node: Node<'_>, base: &Path, env: &Environment) -> Option<PathBuf> {
    let text = node.string().filter(|text| !text.trim().is_empty())?;
    named(node, text, base, env)
}

/// Like [`existing`], for a part of what the node holds.
pub(super) fn named(node: Node<'_>, text: &str, base: &Path, env: &Environment) -> Option<PathBuf> {
    let text = text.trim();
    let path = match text.strip_prefix("~/").zip(env.get("HOME")) {
        Some((rest, home)) => Path::new(&home).join(rest),
        None => base.join(text),
    };
    if path.exists() {
        return Some(absolute(&path));
    }
    node.error_with(
        format!("there is no {}", path.display()),
        "paths are relative to the file, or to appDirPath",
    );
    None
}

/// The paths of a list, or of one string in which commas part them.
pub(super) fn list(node: Node<'_>, base: &Path, env: &Environment) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let items: Vec<Node<'_>> =
        if node.kind() == mecha_document::Kind::Text { vec![node] } else { node.list().collect() };
    for item in items {
        let text = item.string().unwrap_or_default();
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        paths.extend(parts.filter_map(|part| named(item, part, base, env)));
    }
    paths
}

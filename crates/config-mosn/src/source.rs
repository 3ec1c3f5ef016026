//! Files from disk: the configuration itself, and the folders that stand for lists in it (MOSN's directory mode,
//! reference 1.0).

use std::fs;
use std::path::{Path, PathBuf};

use mecha_document::{Findings, Hints};

/// The text of a file; why it can't be read goes to `findings`.
pub(crate) fn read(path: &Path, findings: &Findings) -> Option<String> {
    let hints = Hints { absent: "give its path with -c", large: "split it with clusters_configs" };
    mecha_document::read(path, hints, findings)
}

/// The `.json` files of a folder, by name. A relative folder is looked for where the process runs, as MOSN
/// does, and beside the configuration file.
pub(crate) fn folder(name: &str, beside: Option<&Path>) -> std::io::Result<Vec<PathBuf>> {
    let mut folder = PathBuf::from(name);
    if folder.is_relative() && !folder.is_dir() {
        folder = beside.map_or(folder, |beside| beside.join(name));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

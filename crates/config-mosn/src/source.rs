//! Files from disk, with a limit: the configuration itself, and the folders that stand for lists in it
//! (MOSN's directory mode, reference 1.0).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use mecha_config::{Diagnostic, Severity};

use crate::findings::Findings;

/// Largest file in bytes.
const MAX_FILE: u64 = 64 << 20;

/// The text of a file; why it can't be read goes to `findings`.
pub(crate) fn read(path: &Path, findings: &Findings) -> Option<String> {
    let refuse = |message: String, hint: Option<&str>| {
        findings.add(Diagnostic {
            severity: Severity::Error,
            file: path.display().to_string().into(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            hint: hint.map(str::to_owned),
        });
        None
    };
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)) {
        Err(error) => return refuse(format!("can't be read: {error}"), Some("give its path with -c")),
        Ok(length) if length as u64 > MAX_FILE => {
            return refuse(
                format!("is larger than {MAX_FILE} bytes"),
                Some("split it with clusters_configs"),
            );
        }
        Ok(_) => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            refuse(format!("is not UTF-8 text (byte {at})"), Some("save it as UTF-8"))
        }
    }
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

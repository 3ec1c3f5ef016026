//! MOSN's configuration files, JSON or YAML, into the model and back. A file is read into nodes with line
//! and column, the nodes are converted into the model, and the model is checked; everything that is wrong
//! or odd is reported at once. The binary calls [`load`], admin calls [`dump`]. What is supported and where
//! Mecha differs from MOSN on purpose: `docs/mosn-compatibility.md`.

mod convert;
mod document;
pub mod dump;
mod findings;
mod place;
mod read;
mod source;

use std::path::Path;

use mecha_config::{Config, Diagnostics};

use crate::findings::Findings;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.json`, and every name that says nothing else.
    Json,
    /// `.yaml`, `.yml`.
    Yaml,
}

impl Format {
    /// The format that a file's name tells.
    pub fn of(path: &Path) -> Format {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) if extension.eq_ignore_ascii_case("yaml") => Format::Yaml,
            Some(extension) if extension.eq_ignore_ascii_case("yml") => Format::Yaml,
            _ => Format::Json,
        }
    }
}

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The model; there exactly when `diagnostics` holds no error.
    pub config: Option<Config>,
    /// Every finding, from the top of the file to its end.
    pub diagnostics: Diagnostics,
}

/// Reads a file. Default paths lie beside it: a file `<base>/<folder>/<name>` logs to `<base>/logs`
/// (MOSN reference 5.2). Folders that the file names (`clusters_configs`, `router_configs`) are read too.
pub fn load(path: &Path) -> Loaded {
    let findings = Findings::default();
    let config = source::read(path, &findings).and_then(|text| {
        let name = path.display().to_string();
        convert::convert(&text, Format::of(path), &name, Some(path), &findings)
    });
    finish(config, findings)
}

/// Reads a text that is in no file; `file_name` stands in the findings. Without a place of its own it logs
/// to standard output unless it says otherwise.
pub fn parse(text: &str, format: Format, file_name: &str) -> Loaded {
    let findings = Findings::default();
    let config = convert::convert(text, format, file_name, None, &findings);
    finish(config, findings)
}

fn finish(config: Option<Config>, findings: Findings) -> Loaded {
    let diagnostics = findings.finish();
    let config = config.filter(|_| !diagnostics.has_errors());
    Loaded { config, diagnostics }
}

#[cfg(test)]
mod tests;

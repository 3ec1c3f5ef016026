//! MOSN's configuration files, JSON or YAML, into the model and back. A file is read into nodes with line
//! and column, the nodes are converted into the model, and the model is checked; everything that is wrong
//! or odd is reported at once. The binary calls [`load`], admin calls [`dump`]. What is supported and where
//! Mecha differs from MOSN on purpose: `docs/mosn-compatibility.md`.

mod convert;
pub mod dump;
mod place;
mod source;

use std::path::Path;

use mecha_config::{Config, Diagnostics};
use mecha_document::Findings;

pub use mecha_document::Format;

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

//! From nodes to the model, section by section of MOSN's schema (reference 1). Every part that is wrong is
//! reported and replaced by something harmless, so that the rest is still looked at; a load with an error
//! yields no model in the end.

mod access_log;
mod action;
mod address;
mod admin;
mod cluster;
mod discovery;
mod domain;
mod fault;
mod filters;
mod headers;
mod host;
mod http_proxy;
mod listener;
mod matcher;
mod pattern;
mod protocol;
mod router;
mod rpc;
mod server;
mod tcp_proxy;
mod tls;
mod top;
mod transcoder;

use std::path::{Path, PathBuf};

use mecha_config::{Config, Diagnostics, Router, validate};
use mecha_document::{Document, Findings, Format};

use crate::place::Places;

/// What the conversions share.
pub(crate) struct Context<'f> {
    findings: &'f Findings,
    /// The folder of the configuration file.
    folder: Option<PathBuf>,
    /// Its parent, beside which logs go.
    base: Option<PathBuf>,
    places: Places,
    /// Of the server and of inline `connection_manager` filters, as they are met.
    routers: Vec<Router>,
}

/// Reads and checks a text. `path` is the file it came from.
pub(crate) fn convert(
    text: &str,
    format: Format,
    name: &str,
    path: Option<&Path>,
    findings: &Findings,
) -> Option<Config> {
    let (folder, base) = path.map(folders).unzip();
    let mut context = Context { findings, folder, base, places: Places::default(), routers: Vec::new() };
    let document = Document::parse(text, format, name, findings)?;
    let config = top::config(document.root(), &mut context)?;
    drop(document);
    let mut checked = Diagnostics::default();
    validate::check(&config, &context.places, &mut checked);
    for found in checked.0 {
        findings.add(found);
    }
    Some(config)
}

/// The folder of a file and the folder above it; both relative to the process when the path is.
fn folders(path: &Path) -> (PathBuf, PathBuf) {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let base = match folder.parent() {
        Some(base) if folder.file_name().is_some() => {
            if base.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                base.to_path_buf()
            }
        }
        _ => folder.join(".."),
    };
    (folder, base)
}

impl Context<'_> {
    /// A file in the logs folder; `None` when the configuration is in no file.
    fn log_file(&self, name: &str) -> Option<PathBuf> {
        Some(self.base.as_ref()?.join("logs").join(name))
    }
}

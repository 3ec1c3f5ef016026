//! The file of `run -f`: several applications, each with a runtime, in the format of the template files of Dapr's command
//! line. What all applications share stands under `common`; an application's own value goes before it.

mod app;
mod path;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mecha_config::{Diagnostics, Severity};
use mecha_document::{Document, Findings, Hints, Node, Object};

use crate::environment::Environment;
use crate::flags::Flags;
use app::Shared;

/// The name of the file in a folder that is given instead of it.
const FILE: &str = "dapr.yaml";

const HINTS: Hints = Hints {
    absent: "give a file, or a folder that holds dapr.yaml, with -f",
    large: "a run file is a small file",
};

/// Several applications to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MultiRun {
    /// What the run is called, when it has a name.
    pub name: Option<String>,
    /// In the order of the file.
    pub apps: Vec<App>,
}

/// An application and its runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// `appID`; the name of the folder when it is absent.
    pub app_id: String,
    /// `appDirPath`: where the command runs; log files go to `.dapr/logs` in it.
    pub folder: PathBuf,
    /// The program and its arguments; empty = the runtime only.
    pub command: Vec<String>,
    /// Variables for the command, those of `common` included.
    pub env: BTreeMap<String, String>,
    /// The runtime's flags. Ports that the file does not name are 0: the system chooses them, so that several runtimes
    /// live beside each other.
    pub flags: Flags,
    /// The same as `mecha daprd` takes them.
    pub arguments: Vec<OsString>,
    /// Where the application's output goes.
    pub app_log: LogTo,
    /// Where the runtime's log goes.
    pub runtime_log: LogTo,
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// `console`.
    Console,
    /// `file`.
    File,
    /// `fileAndConsole`.
    Both,
}

/// Reads a run file; of a folder, the `dapr.yaml` in it. Paths under `common` and `appDirPath` are relative to the file,
/// those of an application to its folder; `~/` is the user's home; all must exist. `None` exactly when there is an
/// error.
pub fn load_multi(path: &Path, env: &Environment) -> (Option<MultiRun>, Diagnostics) {
    let path = if path.is_dir() { path.join(FILE) } else { path.to_path_buf() };
    let findings = Findings::default();
    let mut run = None;
    if let Some(text) = mecha_document::read(&path, HINTS, &findings) {
        let name = path.display().to_string();
        if let Some(document) = Document::parse(&text, mecha_document::Format::Yaml, &name, &findings) {
            run = read(document.root(), &path, env);
        }
    }
    let mut diagnostics = findings.finish();
    // Flags are checked for each application, and what `common` says is wrong only once.
    diagnostics.0.dedup_by(|a, b| a == b && a.severity == Severity::Error);
    (run.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn read(root: Node<'_>, path: &Path, env: &Environment) -> Option<MultiRun> {
    let fields = root.object()?;
    let name = fields.text("name").map(str::to_owned);
    match fields.get("version").map(|node| (node, node.plain())) {
        None => root.error_with("the run file has no version", "set version: 1"),
        Some((node, version)) if version != "1" => {
            node.error_with(format!("version {version} of run files is unknown"), "write version: 1");
        }
        Some(_) => {}
    }
    let base = path::absolute(path.parent().unwrap_or(Path::new("")));
    let common = fields.object("common");
    let shared = Shared { common: common.as_ref(), base: &base, env };
    shared.check();
    let mut apps: Vec<App> = Vec::new();
    for node in fields.list("apps") {
        let Some(app) = node.object().and_then(|own| shared.app(&own)) else { continue };
        if apps.iter().any(|other| other.app_id == app.app_id) {
            node.error_with(format!("a second app is called \"{}\"", app.app_id), "give each its own appID");
        }
        apps.push(app);
    }
    if apps.is_empty() && fields.get("apps").is_none_or(|apps| apps.items().next().is_none()) {
        root.error_with("the run file names no apps", "add apps: [{appDirPath: ., command: [...]}]");
    }
    Some(MultiRun { name, apps })
}

/// The value of a key: the application's own, unless it says nothing.
fn either<'d>(own: &Object<'d>, common: Option<&Object<'d>>, key: &'static str) -> Option<Node<'d>> {
    let shared = common.and_then(|common| common.get(key));
    own.get(key).filter(|node| node.is_set()).or(shared)
}

#[cfg(test)]
mod tests;

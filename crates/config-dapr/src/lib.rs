//! What Dapr's sidecar is configured by, into the model: the flags and environment of `daprd` (Dapr's reference 3.1,
//! 3.2), the Configuration resource (3.3), resource files (3.4) and the file of `run -f`. Everything that is wrong is
//! said at once, with file and line. The binary calls [`Flags::parse`] and [`load`]; a reload calls [`load_resources`]
//! again. What is in effect and what is not yet: `docs/dapr-configuration.md`.

mod address;
mod configuration;
mod defaults;
mod environment;
mod expand;
mod flags;
mod multi;
mod names;
mod port;
mod quantity;
mod resources;
mod runtime;

use mecha_config::{Diagnostics, Runtime, Severity};

pub use configuration::{is_configuration, load_configuration};
pub use defaults::default_components;
pub use environment::Environment;
pub use flags::{FlagError, Flags, Mode, Parsed};
pub use multi::{App as MultiApp, LogTo, MultiRun, load_multi};
pub use resources::{LoadedResources, load_resources};
pub use runtime::runtime;

/// What became of flags, files and environment.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The model; there exactly when `diagnostics` holds no error.
    pub runtime: Option<Runtime>,
    /// Every finding.
    pub diagnostics: Diagnostics,
}

impl Loaded {
    /// The errors in the words of [`fatal`].
    pub fn fatal(&self) -> Option<String> {
        fatal(&self.diagnostics)
    }
}

/// The errors as the log line `Fatal error from runtime: failed to load components: ...` ends (reference 5.4): joined
/// by line breaks, duplicate names in exactly Dapr's words, everything else with its place. `None` when there are none.
pub fn fatal(found: &Diagnostics) -> Option<String> {
    let lines: Vec<String> = found
        .0
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| {
            if found.message.starts_with(resources::DUPLICATE) {
                found.message.clone()
            } else {
                found.to_string().replacen("error: ", "", 1)
            }
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Everything about one runtime: its flags and environment, the files that they name, and, when no folder of resources
/// is named, the [`default_components`]. Reads files; resolves names of listen addresses.
pub fn load(flags: &Flags, env: &Environment) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let mut model = match runtime::runtime(flags, env) {
        Ok(model) => Some(model),
        Err(found) => {
            diagnostics.0.extend(found.0);
            None
        }
    };
    let (settings, found) = configuration::load_configuration(&flags.config, env);
    diagnostics.0.extend(found.0);
    let identity = runtime::identity(flags, env);
    let folders = flags.resource_folders();
    let loaded = resources::load_resources(&folders, &identity);
    diagnostics.0.extend(loaded.diagnostics.0);
    if let (Some(model), Some(settings), Some(resources)) = (model.as_mut(), settings, loaded.resources) {
        model.process.static_names = names::static_names(&settings, &mut diagnostics);
        model.settings = settings;
        model.resources = resources;
        if folders.is_empty() {
            model.resources.components = default_components();
        }
    }
    let runtime = model.filter(|_| !diagnostics.has_errors());
    Loaded { runtime, diagnostics }
}

#[cfg(test)]
mod tests;

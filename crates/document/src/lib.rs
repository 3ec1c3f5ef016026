//! Configuration files of any front end, read: JSON and YAML end in the same nodes, each with its line and column
//! ([`Document`], [`Node`]); typed reading by the rules of Go's `encoding/json` ([`Object`]); everything that is wrong
//! or odd is gathered ([`Findings`]). Nothing here knows what a key means. `config-mosn` and `config-dapr` build on it.

mod document;
mod file;
mod findings;
mod read;

use std::path::Path;

pub use document::{Document, Kind, Node};
pub use file::{Hints, read};
pub use findings::Findings;
pub use read::{Object, shortened};

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

#[cfg(test)]
mod tests;

//! `secretstores.local.file`: secrets from a JSON file, read when the component starts. Nested objects and lists become
//! names with a separator between their steps; with `multiValued`, each top-level entry is one secret of several keys.

mod flatten;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use mecha_component::secrets::{Metadata, Secret, SecretStore};
use mecha_component::{Error, ErrorKind, Feature, Features, Properties, Result};
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use self::flatten::flatten;

/// Larger files are refused: no file of secrets is.
const LARGEST: u64 = 16 << 20;
const SEPARATOR: &str = ":";

/// Secrets from a file.
pub struct FileStore {
    secrets: BTreeMap<String, Secret>,
    multi_valued: bool,
}

impl FileStore {
    /// Reads the file that `properties` name; on a thread of `tasks` that may block.
    ///
    /// # Errors
    /// When no file is named, it can't be read, or is not a JSON object; the message tells the place.
    pub async fn open(properties: &Properties, tasks: &Handle) -> Result<Self> {
        let path = properties.get("secretsFile").map(str::to_owned);
        let path = path.ok_or_else(|| Error::configuration("missing local secrets file in metadata"))?;
        let separator = properties.get("nestedSeparator").unwrap_or(SEPARATOR).to_owned();
        let multi_valued = properties.flag("multiValued").unwrap_or(false);
        let read = move || {
            let wrong = |error: String| Error::configuration(format!("secretsFile: {path}: {error}"));
            let file = read(Path::new(&path)).map_err(wrong)?;
            Self::new(&file, &separator, multi_valued).map_err(wrong)
        };
        tasks.spawn_blocking(read).await.map_err(|error| Error::internal(error.to_string()))?
    }

    fn new(
        file: &Map<String, Value>,
        separator: &str,
        multi_valued: bool,
    ) -> std::result::Result<Self, String> {
        let secrets = if multi_valued {
            file.iter().map(|(name, value)| Ok((name.clone(), several(name, value, separator)?))).collect()
        } else {
            let one = |(name, value): (String, String)| (name.clone(), Secret::from([(name, value)]));
            flatten(file, separator).map(|flat| flat.into_iter().map(one).collect())
        };
        Ok(FileStore { secrets: secrets?, multi_valued })
    }
}

/// A top-level entry as a secret of its own.
fn several(name: &str, value: &Value, separator: &str) -> std::result::Result<Secret, String> {
    match value {
        Value::Object(fields) => flatten(fields, separator),
        single => flatten(&Map::from_iter([(name.to_owned(), single.clone())]), separator),
    }
}

fn read(path: &Path) -> std::result::Result<Map<String, Value>, String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST {
        return Err(format!("has more than {} MiB", LARGEST >> 20));
    }
    match serde_json::from_slice(&text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("must hold a JSON object with a field for each secret".to_owned()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

impl SecretStore for FileStore {
    fn features(&self) -> Features {
        const SEVERAL: Features = Features::of(&[Feature::MultipleKeyValuesPerSecret]);
        if self.multi_valued { SEVERAL } else { Features::default() }
    }

    async fn get(&self, name: &str, _: &Metadata) -> Result<Secret> {
        let missing = || Error::new(ErrorKind::NotFound, format!("secret {name} not found"));
        self.secrets.get(name).cloned().ok_or_else(missing)
    }

    async fn get_all(&self, _: &Metadata) -> Result<BTreeMap<String, Secret>> {
        Ok(self.secrets.clone())
    }
}

#[cfg(test)]
mod tests;

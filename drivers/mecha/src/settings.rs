//! The properties that both components know.
//!
//! | property | default | meaning |
//! |---|---|---|
//! | `dataDir` | the runtime's data directory | where the files are; made when missing, used by one process at a time |
//! | `keyspace` | the component's name | what tells this component's data from that of others in the same directory |
//! | `durability` | `commit` | when a write counts as done: `commit` = once the disk has it; `none` = once the system has it, which survives the end of the process but not that of the machine; a duration such as `50ms` = as `none`, and the disk follows within that time |

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mecha_component::{Context, Error, Properties, Result};

use crate::engine::{Durability, Engine};

/// What both components are configured with.
#[derive(Debug)]
pub(crate) struct Settings {
    dir: PathBuf,
    /// See the table above; at most 255 bytes.
    pub(crate) keyspace: String,
    /// See the table above.
    pub(crate) durability: Durability,
}

impl Settings {
    /// Reads the properties.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub(crate) fn read(properties: &Properties, context: &Context) -> Result<Self> {
        let keyspace = properties.get("keyspace").unwrap_or(&context.name).to_owned();
        if keyspace.is_empty() || keyspace.len() > usize::from(u8::MAX) {
            return Err(Error::configuration("keyspace: must be a name of 1 to 255 bytes"));
        }
        Ok(Settings {
            dir: properties.get("dataDir").map_or_else(|| context.data.clone(), PathBuf::from),
            keyspace,
            durability: durability(properties)?,
        })
    }

    /// Opens the directory, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(crate) async fn engine(&self, context: &Context) -> Result<Arc<Engine>> {
        let dir = self.dir.clone();
        let opened = context.tasks.spawn_blocking(move || Engine::open(&dir)).await;
        opened.map_err(|_| Error::unavailable("the runtime is stopping"))?
    }

    /// What every key of this component begins with: a letter that tells what is stored, and the keyspace.
    pub(crate) fn prefix(&self, kind: u8) -> Vec<u8> {
        let length = u8::try_from(self.keyspace.len()).unwrap_or(u8::MAX);
        let mut prefix = vec![kind, length];
        prefix.extend_from_slice(self.keyspace.as_bytes());
        prefix
    }
}

fn durability(properties: &Properties) -> Result<Durability> {
    match properties.get("durability") {
        None => Ok(Durability::Commit),
        Some(text) if text.eq_ignore_ascii_case("commit") => Ok(Durability::Commit),
        Some(text) if text.eq_ignore_ascii_case("none") => Ok(Durability::None),
        Some(text) => match properties.duration("durability", Duration::from_millis(1)) {
            Ok(Some(time)) if !time.is_zero() => Ok(Durability::Interval(time)),
            _ => Err(Error::configuration(format!(
                "durability: `{text}` is none of commit, none, and a duration such as 50ms"
            ))),
        },
    }
}

/// Lets go of an engine on a thread that may wait for its end.
pub(crate) async fn release(tasks: &tokio::runtime::Handle, engine: Arc<Engine>) {
    // An error means that the runtime stops, and the engine with it.
    let _ = tasks.spawn_blocking(move || drop(engine)).await;
}

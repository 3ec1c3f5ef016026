//! Which directories this process has open. Components that name the same directory share one engine; the table holds
//! engines weakly, so the last component that goes closes its engine.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use mecha_component::Result;
use parking_lot::{Condvar, Mutex};

use super::{Engine, Limits};

struct Table {
    /// `None` while an engine is being opened.
    open: Mutex<Option<HashMap<PathBuf, Option<Weak<Engine>>>>>,
    changed: Condvar,
}

static TABLE: Table = Table { open: Mutex::new(None), changed: Condvar::new() };

/// The place of an engine in the table; free again when this goes.
pub(super) struct Slot(PathBuf);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(open) = TABLE.open.lock().as_mut() {
            open.remove(&self.0);
        }
        TABLE.changed.notify_all();
    }
}

/// The engine of a directory, by its true name. Waits while another thread opens or closes it.
///
/// # Errors
/// When it can't be opened.
pub(super) fn open(dir: &Path, limits: Limits) -> Result<Arc<Engine>> {
    let mut guard = TABLE.open.lock();
    loop {
        match guard.get_or_insert_with(HashMap::new).get(dir) {
            None => break,
            Some(slot) => {
                if let Some(engine) = slot.as_ref().and_then(Weak::upgrade) {
                    return Ok(engine);
                }
                TABLE.changed.wait(&mut guard);
            }
        }
    }
    guard.get_or_insert_with(HashMap::new).insert(dir.to_owned(), None);
    drop(guard);
    let engine = Arc::new(Engine::start(dir, limits, Slot(dir.to_owned()))?);
    if let Some(open) = TABLE.open.lock().as_mut() {
        open.insert(dir.to_owned(), Some(Arc::downgrade(&engine)));
    }
    TABLE.changed.notify_all();
    Ok(engine)
}

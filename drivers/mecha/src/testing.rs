//! What tests of this crate share: a directory that goes with the test, and the context of a component in it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use mecha_component::{Context, Properties};

/// A directory of its own; removed when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mecha-driver-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Bytes of all files in it.
    pub(crate) fn size(&self) -> u64 {
        let files = std::fs::read_dir(&self.0).unwrap();
        files.filter_map(|file| file.ok()?.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// A component of this name.
    pub(crate) fn context(&self, name: &str) -> Context {
        Context {
            name: name.to_owned(),
            app_id: "app".to_owned(),
            namespace: String::new(),
            tasks: tokio::runtime::Handle::current(),
            data: self.0.clone(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the system's directory for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The properties of these names and values.
pub(crate) fn properties<const N: usize>(entries: [(&str, &str); N]) -> Properties {
    entries.into_iter().collect()
}

//! Flags, environment and files together, and what all tests share.

mod garbage;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Environment, Flags, Parsed};

/// An environment that holds these variables only.
pub(crate) fn environment(pairs: &[(&str, &str)]) -> Environment {
    let pairs: Vec<(String, String)> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Environment::new(move |name| {
        pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    })
}

/// The flags of a command line.
pub(crate) fn flags(line: &str) -> Flags {
    match Flags::parse(line.split_whitespace().map(Into::into)) {
        Ok(Parsed::Run(flags)) => *flags,
        other => panic!("{other:?}"),
    }
}

/// A folder that goes when the test is done.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one that holds these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mecha-config-dapr-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            let path = folder.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What was said, a line each, without the folder's own path.
    pub(crate) fn lines(&self, said: &str) -> Vec<String> {
        let own = format!("{}/", self.0.display());
        said.lines().map(|line| line.replace(&own, "")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! What goes wrong with files, in words that say which file and what to do.

use std::io;
use std::path::Path;

use mecha_component::{Error, ErrorKind};

/// A call to the system failed.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::unavailable(format!("{doing} {path}: the disk is full ({error}): free some space"))
        }
        io::ErrorKind::FileTooLarge => Error::unavailable(format!(
            "{doing} {path}: the file may not grow further ({error}): raise the limit"
        )),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::new(
            ErrorKind::Configuration,
            format!(
                "{doing} {path}: {error}: give this user the right to write there, or choose another dataDir"
            ),
        ),
        _ => Error::unavailable(format!("{doing} {path}: {error}")),
    }
}

/// A file is not what was written.
pub(crate) fn damaged(path: &Path, what: &str) -> Error {
    let (file, directory) = (path.display(), path.parent().unwrap_or(path).display());
    Error::internal(format!(
        "{file} is damaged ({what}): restore {directory} from a copy, or move it away to begin with nothing"
    ))
}

//! The pid file: written once everything is taken, removed at the end if it is still ours.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::AppError;

/// A pid file that is there for as long as this lives.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    pub(crate) fn write(path: &Path) -> Result<Self, AppError> {
        let written = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
            _ => Ok(()),
        };
        written
            .and_then(|()| fs::write(path, format!("{}\n", std::process::id())))
            .map_err(|source| AppError::Pid { path: path.to_owned(), source })?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours =
            fs::read_to_string(&self.0).is_ok_and(|text| text.trim() == std::process::id().to_string());
        if ours {
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_of_somebody_else_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("mecha-pid-{}", std::process::id()));
        let path = folder.join("logs/mosn.pid");
        let ours = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(ours);
        assert!(!path.exists());
        let ours = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(ours);
        assert!(path.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}

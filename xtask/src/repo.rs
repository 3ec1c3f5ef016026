//! The repository as the rules see it: the files that git tracks or would track, with their text.
//!
//! Rules never touch the file system themselves, so that their tests can hand them a tree made of strings.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::manifest::{MANIFEST, Manifest};

/// One file of the tree.
pub(crate) struct File {
    /// Path relative to the root, with `/`.
    pub(crate) path: String,
    /// The contents; empty for a file that is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// The extension, or an empty string.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// All files, and the folders they are in.
pub(crate) struct Repo {
    files: Vec<File>,
    folders: BTreeSet<String>,
}

impl Repo {
    /// Reads the repository around the current directory. Fails when git is missing or this is no checkout.
    pub(crate) fn open() -> Result<Self, String> {
        let root = git(&["rev-parse", "--show-toplevel"], Path::new("."))?;
        let root = Path::new(root.trim_end());
        // Files not added yet count too: the check should speak before the commit, not after it.
        let listed = git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"], root)?;
        let files = listed.split('\0').filter(|path| !path.is_empty()).filter_map(|path| {
            // A file deleted but not yet committed is still listed; it cannot break a rule.
            let bytes = std::fs::read(root.join(path)).ok()?;
            Some((path.to_owned(), String::from_utf8(bytes).unwrap_or_default()))
        });
        Ok(Self::from_files(files))
    }

    /// A repository made of the given paths and texts.
    pub(crate) fn from_files(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: Vec<File> = files.into_iter().map(|(path, text)| File { path, text }).collect();
        let mut folders = BTreeSet::from([String::new()]);
        for file in &files {
            let mut path = file.path.as_str();
            while let Some((folder, _)) = path.rsplit_once('/') {
                folders.insert(folder.to_owned());
                path = folder;
            }
        }
        Self { files, folders }
    }

    /// Every file.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Every Rust source file.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.extension() == "rs")
    }

    /// The file at a path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files().find(|file| file.path == path)
    }

    /// Whether a file or a folder is at this path.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.folders.contains(path) || self.file(path).is_some()
    }

    /// The manifest of every package, the root's (which has no package) left out.
    pub(crate) fn packages(&self) -> Vec<Manifest> {
        self.files()
            .filter(|file| file.name() == MANIFEST)
            .map(|file| Manifest::parse(&file.path, &file.text))
            .filter(|manifest| !manifest.name.is_empty())
            .collect()
    }
}

fn git(args: &[&str], root: &Path) -> Result<String, String> {
    let output =
        Command::new("git").args(args).current_dir(root).output().map_err(|error| {
            format!("cannot run git ({error}); install git and run this inside the checkout")
        })?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git {} failed: {}", args.join(" "), reason.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A repository for a test, from `(path, text)` pairs.
#[cfg(test)]
pub(crate) fn tree(files: &[(&str, &str)]) -> Repo {
    Repo::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

//! The data directory: made when it is missing, locked against other processes, its segments read again.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mecha_component::{Error, Result};

use super::fault;
use super::memory::Memory;
use super::wal::replay::{Fault, Found, read};
use super::wal::{Wal, segment_of, segment_path};

/// Makes the directory and gives its one true name.
///
/// # Errors
/// When it can't be made.
pub(crate) fn make(dir: &Path) -> Result<PathBuf> {
    // What an application stores is its own business.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| fault::io("making", dir, &error))?;
    dir.canonicalize().map_err(|error| fault::io("opening", dir, &error))
}

/// Locks the directory for this process; the lock lasts as long as the file is open.
///
/// # Errors
/// When another process has it, or the lock can't be taken.
pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let wrong = |error: &std::io::Error| fault::io("locking", &path, error);
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&path).map_err(|e| wrong(&e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            return Err(Error::unavailable(format!(
                "{} is in use by process {}: stop that process, or set dataDir to another directory",
                dir.display(),
                owner.trim(),
            )));
        }
        Err(TryLockError::Error(error)) => return Err(wrong(&error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(|error| wrong(&error))?;
    Ok(file)
}

/// The segments that are there, ascending.
///
/// # Errors
/// When the directory can't be read.
pub(crate) fn segments(dir: &Path) -> std::io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        found.extend(entry?.file_name().to_str().and_then(segment_of));
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads what the log holds beyond segment `flushed` into `memory`, and opens the log at its end.
///
/// # Errors
/// When a segment is missing, damaged or can't be read.
pub(crate) fn replay(dir: &Path, flushed: u64, memory: &mut Memory) -> Result<Wal> {
    let listed = segments(dir).map_err(|error| fault::io("reading", dir, &error))?;
    let listed: Vec<u64> = listed.into_iter().filter(|segment| *segment > flushed).collect();
    let mut next = memory.last() + 1;
    let mut end = None;
    for (place, segment) in listed.iter().copied().enumerate() {
        let path = segment_path(dir, segment);
        if segment != flushed + 1 + place as u64 {
            return Err(fault::damaged(&path, "the segment before it is missing"));
        }
        let mut apply = |number, change| memory.apply(number, change);
        let found = read(&path, segment, &mut next, &mut apply).map_err(|fault| match fault {
            Fault::Io(error) => fault::io("reading", &path, &error),
            Fault::Damaged(at, what) => fault::damaged(&path, &format!("at byte {at}: {what}")),
        })?;
        // A segment is synced before the next one begins, so only the last one may end anyhow.
        let last = place + 1 == listed.len();
        end = match found {
            Found::Unused | Found::Records { gap: true, .. } if !last => {
                return Err(fault::damaged(&path, "it ends before its time"));
            }
            Found::Unused => None,
            Found::Records { nonce, end, gap } => {
                if gap {
                    tracing::warn!("{}: writes that were not asked to be durable are lost", path.display());
                    cut(&path, end).map_err(|error| fault::io("writing", &path, &error))?;
                }
                Some((nonce, end))
            }
        };
    }
    let segment = listed.last().copied().unwrap_or(flushed + 1);
    let opened = match end {
        Some((nonce, offset)) => Wal::resume(dir, segment, nonce, offset),
        None => Wal::create(dir, segment),
    };
    opened.map_err(|error| fault::io("opening", &segment_path(dir, segment), &error))
}

fn cut(path: &Path, end: u64) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end)?;
    file.sync_all()
}

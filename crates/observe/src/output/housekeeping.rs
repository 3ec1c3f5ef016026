//! What happens to rotated files: compressed when the roller asks for it, removed when there are too many or they
//! are too old. Done on a thread of its own after a rotation, so that lines go on being written meanwhile; whatever
//! one run misses, the next one finds.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use mecha_config::server::Roller;

/// What a compressed file's name ends in.
pub(super) const PACKED: &str = ".gz";
/// What the name of one that is being compressed ends in.
const PACKING: &str = ".gz.part";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks after the rotated files of one log.
pub(super) struct Housekeeper {
    task: Arc<Task>,
}

struct Task {
    path: PathBuf,
    /// 0 = for ever.
    days: u32,
    /// 0 = all.
    keep: usize,
    compress: bool,
    running: AtomicBool,
}

impl Housekeeper {
    pub(super) fn new(path: &Path, roller: &Roller) -> Self {
        let (days, keep, compress) = match roller {
            Roller::Size { days, keep, compress, .. } => (*days, *keep as usize, *compress),
            Roller::Time { .. } => (0, 0, false),
        };
        let running = AtomicBool::new(false);
        Housekeeper { task: Arc::new(Task { path: path.to_owned(), days, keep, compress, running }) }
    }

    /// Starts a run, unless there is nothing to do or one is under way.
    pub(super) fn start(&self) {
        let task = self.task.clone();
        if (task.days == 0 && task.keep == 0 && !task.compress) || task.running.swap(true, Relaxed) {
            return;
        }
        let spawned = thread::Builder::new().name("log-rotate".to_owned()).spawn(move || {
            if let Err(error) = task.run(SystemTime::now()) {
                tracing::warn!("cannot tidy up the old files of {}: {error}", task.path.display());
            }
            task.running.store(false, Relaxed);
        });
        if let Err(error) = spawned {
            self.task.running.store(false, Relaxed);
            tracing::warn!("no thread to tidy up the old files of {}: {error}", self.task.path.display());
        }
    }
}

impl Task {
    fn run(&self, now: SystemTime) -> io::Result<()> {
        for (age, path) in rotated(&self.path)?.iter().rev().enumerate() {
            if (self.keep > 0 && age >= self.keep) || self.is_old(path, now) {
                fs::remove_file(path)?;
            } else if self.compress && !is(path, PACKED) {
                pack(path)?;
            }
        }
        Ok(())
    }

    fn is_old(&self, path: &Path, now: SystemTime) -> bool {
        let modified = fs::metadata(path).and_then(|facts| facts.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        self.days > 0 && age.is_some_and(|age| age > DAY * self.days)
    }
}

/// The rotated files of a log, oldest first. A file that was left half compressed is removed.
fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?.path();
        let own = entry.file_name().and_then(|entry| entry.to_str()).and_then(|entry| suffix(entry, name));
        match own {
            Some(suffix) if suffix.ends_with(PACKING) => fs::remove_file(&entry)?,
            Some(_) => found.push(entry),
            None => {}
        }
    }
    // The names end in the moment, so their order is that of time; `.gz` changes nothing about it.
    found.sort_by_key(|path| path.display().to_string().trim_end_matches(PACKED).to_owned());
    Ok(found)
}

/// What follows the log's name in the name of one of its rotated files.
fn suffix<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let suffix = entry.strip_prefix(name)?.strip_prefix('.')?;
    let stamp = suffix.as_bytes().get(..19)?;
    let shape = b"0000-00-00_00-00-00";
    let fits = stamp.iter().zip(shape).all(|(is, shape)| match shape {
        b'0' => is.is_ascii_digit(),
        other => is == other,
    });
    fits.then_some(suffix)
}

fn is(path: &Path, ending: &str) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes())
}

/// Replaces a file by its compressed form, which keeps its time. The plain file goes only when the other is whole.
fn pack(path: &Path) -> io::Result<()> {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let mut plain = File::open(path)?;
    let mut packer = GzEncoder::new(File::create(with(PACKING))?, Compression::default());
    io::copy(&mut plain, &mut packer)?;
    packer.finish()?.set_modified(plain.metadata()?.modified()?)?;
    fs::rename(with(PACKING), with(PACKED))?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::testing::Folder;

    fn task(path: &Path, days: u32, keep: u32, compress: bool) -> Housekeeper {
        Housekeeper::new(path, &Roller::Size { megabytes: 1, days, keep, compress })
    }

    #[test]
    fn the_newest_are_kept_and_compressed() {
        let folder = Folder::new();
        for name in ["a.log", "a.log.2026-01-01_00-00-00", "a.log.2026-01-02_00-00-00.gz", "a.log.old"] {
            fs::write(folder.join(name), name).unwrap();
        }
        fs::write(folder.join("a.log.2026-01-03_00-00-00"), "third").unwrap();
        fs::write(folder.join("a.log.2026-01-02_00-00-00.gz.part"), "").unwrap();
        task(&folder.join("a.log"), 0, 2, true).task.run(SystemTime::now()).unwrap();
        let names = ["a.log", "a.log.2026-01-02_00-00-00.gz", "a.log.2026-01-03_00-00-00.gz", "a.log.old"];
        assert_eq!(folder.names(), names);

        let mut text = String::new();
        let packed = File::open(folder.join("a.log.2026-01-03_00-00-00.gz")).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        assert_eq!(text, "third");
    }

    #[test]
    fn the_old_ones_go() {
        let folder = Folder::new();
        let now = SystemTime::now();
        for (name, days) in [("a.log.2026-01-01_00-00-00", 8), ("a.log.2026-01-05_00-00-00", 6)] {
            let file = File::create(folder.join(name)).unwrap();
            file.set_modified(now - DAY * days).unwrap();
        }
        task(&folder.join("a.log"), 7, 0, false).task.run(now).unwrap();
        assert_eq!(folder.names(), ["a.log.2026-01-05_00-00-00"]);
    }
}

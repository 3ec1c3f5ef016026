//! The file under redb. It is written a little at a time: what a transaction writes is synced every few pages, so that the
//! disk is never busy with more than that while a commit waits for the log; unless commits wait for the file itself. No locks: the directory has one.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use redb::StorageBackend;

/// Bytes that may be written without a sync.
const STEP: usize = 64 << 10;
/// The same while writers wait for the file.
const HASTE: usize = 8 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct Paced {
    file: File,
    written: AtomicUsize,
    hurry: Arc<AtomicBool>,
}

impl Paced {
    /// Opens the file, or makes it. `hurry` tells whether somebody waits for what is written.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn open(path: &Path, hurry: Arc<AtomicBool>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Paced { file, written: AtomicUsize::new(0), hurry })
    }
}

impl StorageBackend for Paced {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.written.store(0, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)?;
        let step = if self.hurry.load(Ordering::Relaxed) { HASTE } else { STEP };
        if self.written.fetch_add(data.len(), Ordering::Relaxed) + data.len() < step {
            return Ok(());
        }
        self.sync_data()
    }
}

//! The log in front of the file: every commit is one record, written at once and synced once. A segment is a file; when
//! the changes of a segment are in the file below, the segment is used again for another, since a sync of blocks that are
//! allocated already is cheaper (10,000 instead of 6,800 a second for 512 bytes where this was measured).
//!
//! A segment begins with a head: magic, its number, a random number of its own, a checksum. A record is a tag, a
//! checksum, a length, how far the segment was synced when it was written, and its payload: the number of its first
//! change, then the changes. The random number and the place are part of every checksum, so neither what a segment held
//! in an earlier life nor what a user stores can pass for a record.

pub(crate) mod replay;

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::write::Change;

const MAGIC: [u8; 8] = *b"MECHAWAL";
const HEAD: usize = 32;
const RECORD: usize = 20;
/// A group that was larger than this gives its buffer back.
const KEPT_BUFFER: usize = 1 << 20;

const PUT: u8 = 1;
const APPEND: u8 = 2;
const DELETE: u8 = 3;
const TRUNCATE: u8 = 4;

/// The end of the log, where records are added.
#[derive(Debug)]
pub(crate) struct Wal {
    dir: PathBuf,
    file: File,
    segment: u64,
    nonce: u64,
    offset: u64,
    synced: u64,
    buffer: Vec<u8>,
}

/// The file of a segment.
pub(crate) fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("wal-{segment:016x}"))
}

/// The number of the segment that a file of this name holds.
pub(crate) fn segment_of(name: &str) -> Option<u64> {
    name.strip_prefix("wal-")
        .filter(|digits| digits.len() == 16)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
}

/// A segment that is free to be used again.
pub(crate) fn spare_path(dir: &Path) -> PathBuf {
    dir.join("wal-spare")
}

/// Makes the names in a directory durable.
pub(crate) fn sync_names(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Wal {
    /// A new segment.
    ///
    /// # Errors
    /// When the file can't be made.
    pub(crate) fn create(dir: &Path, segment: u64) -> io::Result<Self> {
        let path = segment_path(dir, segment);
        match std::fs::rename(spare_path(dir), &path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let nonce = RandomState::new().hash_one(segment);
        let mut head = [0; HEAD];
        for (place, value) in head.iter_mut().zip(head_bytes(segment, nonce)) {
            *place = value;
        }
        file.write_all_at(&head, 0)?;
        sync_names(dir)?;
        let offset = HEAD as u64;
        Ok(Wal { dir: dir.to_owned(), file, segment, nonce, offset, synced: 0, buffer: Vec::new() })
    }

    /// Goes on at the end of a segment that was read.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub(crate) fn resume(dir: &Path, segment: u64, nonce: u64, offset: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(segment_path(dir, segment))?;
        Ok(Wal { dir: dir.to_owned(), file, segment, nonce, offset, synced: 0, buffer: Vec::new() })
    }

    /// The segment's number.
    pub(crate) fn segment(&self) -> u64 {
        self.segment
    }

    /// Where its next record goes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Begins a record whose first change has this number.
    pub(crate) fn begin(&mut self, first: u64) {
        self.buffer.clear();
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer.shrink_to(KEPT_BUFFER);
        }
        self.buffer.resize(RECORD, 0);
        self.buffer.extend_from_slice(&first.to_le_bytes());
    }

    /// Adds a change to the record that was begun.
    pub(crate) fn add(&mut self, change: &Change) {
        let out = &mut self.buffer;
        match change {
            Change::Put { key, expires, data } => put_record(out, PUT, key, *expires, data),
            Change::Append { prefix, expires, data } => put_record(out, APPEND, prefix, *expires, data),
            Change::Delete { key } => put_bytes(out, DELETE, key),
            Change::Truncate { prefix, upto } => {
                put_bytes(out, TRUNCATE, prefix);
                out.extend_from_slice(&upto.to_le_bytes());
            }
        }
    }

    /// Writes the record that was begun; the system has it then.
    ///
    /// # Errors
    /// When it can't be written whole; the next record is written over what there is of it.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let length = self.buffer.len().saturating_sub(RECORD);
        let length = u32::try_from(length).map_err(|_| io::Error::other("a commit is larger than 4 GiB"))?;
        let payload = self.buffer.get(RECORD..).unwrap_or_default();
        let sum = checksum(self.nonce, self.offset, self.synced, payload);
        let head = record_head(self.nonce, sum, length, self.synced);
        for (place, value) in self.buffer.iter_mut().zip(head) {
            *place = value;
        }
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        Ok(())
    }

    /// Whether the disk may lack something that was written.
    pub(crate) fn is_dirty(&self) -> bool {
        self.synced < self.offset
    }

    /// Waits until the disk has what was written.
    ///
    /// # Errors
    /// When the system says so; what the disk has is not known then.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.synced = self.offset;
        Ok(())
    }

    /// Ends the segment and begins the next one; the number of the one that ended.
    ///
    /// # Errors
    /// When there can't be a next one; the log goes on in the old one then.
    pub(crate) fn rotate(&mut self) -> io::Result<u64> {
        if self.is_dirty() {
            self.sync()?;
        }
        let next = Wal::create(&self.dir, self.segment + 1).inspect_err(|_| {
            // Only the last segment may have a gap after a crash, and this one goes on being written. When the file can't
            // be removed either, the next attempt uses it.
            let _ = std::fs::remove_file(segment_path(&self.dir, self.segment + 1));
        })?;
        let ended = self.segment;
        *self = next;
        Ok(ended)
    }
}

fn head_bytes(segment: u64, nonce: u64) -> impl Iterator<Item = u8> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&segment.to_le_bytes());
    head.extend_from_slice(&nonce.to_le_bytes());
    let sum = crc32fast::hash(&head);
    head.extend_from_slice(&sum.to_le_bytes());
    head.into_iter()
}

/// What every record of a segment begins with.
fn tag(nonce: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = nonce.to_le_bytes();
    [a, b, c, d]
}

fn record_head(nonce: u64, sum: u32, length: u32, synced: u64) -> impl Iterator<Item = u8> {
    let words = tag(nonce).into_iter().chain(sum.to_le_bytes()).chain(length.to_le_bytes());
    words.chain(synced.to_le_bytes())
}

fn checksum(nonce: u64, offset: u64, synced: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for number in [nonce, offset, synced, payload.len() as u64] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(payload);
    hasher.finalize()
}

fn put_bytes(out: &mut Vec<u8>, kind: u8, bytes: &Bytes) {
    out.push(kind);
    // A batch is refused long before a part of it has 4 GiB; see `engine::LARGEST`.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_record(out: &mut Vec<u8>, kind: u8, key: &Bytes, expires: u64, data: &Bytes) {
    put_bytes(out, kind, key);
    out.extend_from_slice(&expires.to_le_bytes());
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(data);
}

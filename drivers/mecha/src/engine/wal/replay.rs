//! Reads segments again after a start. The end of the log is where records cease; a record that is damaged before that
//! end is told from one that was never finished by what the records after it say about how far the disk had followed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use super::{APPEND, DELETE, HEAD, MAGIC, PUT, RECORD, TRUNCATE, checksum, tag};
use crate::engine::write::Change;

/// What was found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing was ever written to it in this life.
    Unused,
    /// Records, up to its end.
    Records {
        /// Its random number.
        nonce: u64,
        /// Where the next record would go.
        end: u64,
        /// Whether records that were never synced follow a gap: the machine went down, and they are given up.
        gap: bool,
    },
}

/// Why a segment can't be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system says so.
    Io(std::io::Error),
    /// Its content is not what was written; where, and what is wrong.
    Damaged(u64, &'static str),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::Io(error)
    }
}

/// Reads a segment and gives every change with its number to `apply`. `next` is the number that the first change must
/// have, and is moved past the last one.
///
/// # Errors
/// When the file can't be read or is damaged.
pub(crate) fn read(
    path: &Path,
    segment: u64,
    next: &mut u64,
    apply: &mut dyn FnMut(u64, Change),
) -> Result<Found, Fault> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let Some(nonce) = head(&bytes, segment)? else { return Ok(Found::Unused) };
    let mut at = HEAD;
    while let Some((payload, _)) = record(&bytes, at, nonce) {
        *next = changes(payload, *next, apply)
            .ok_or(Fault::Damaged(at as u64, "a record does not follow the one before it"))?;
        at += RECORD + payload.len();
    }
    let gap = beyond(&bytes, at, nonce)?;
    Ok(Found::Records { nonce, end: at as u64, gap })
}

/// The segment's random number; `None` when the segment is unused.
fn head(bytes: &[u8], segment: u64) -> Result<Option<u64>, Fault> {
    let Some(head) = bytes.get(..HEAD) else { return Ok(None) };
    if head.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let words = head.strip_prefix(&MAGIC).and_then(|rest| Some((number(rest)?, number(rest.get(8..)?)?)));
    let sum = head.get(24..28).and_then(|sum| sum.try_into().ok()).map(u32::from_le_bytes);
    match words {
        Some((found, nonce)) if sum == head.get(..24).map(crc32fast::hash) => match found {
            found if found == segment => Ok(Some(nonce)),
            // The head of an earlier life: it was to be used again, and nothing was synced yet.
            found if found < segment => Ok(None),
            _ => Err(Fault::Damaged(0, "it belongs to another place in the log")),
        },
        _ => Err(Fault::Damaged(0, "its head is not that of a log")),
    }
}

/// The payload of the record at `at`, and how far the segment was synced when it was written.
fn record(bytes: &[u8], at: usize, nonce: u64) -> Option<(&[u8], u64)> {
    let rest = bytes.get(at..)?.strip_prefix(&tag(nonce))?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (synced, rest) = rest.split_first_chunk::<8>()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let synced = u64::from_le_bytes(*synced);
    (checksum(nonce, at as u64, synced, payload) == u32::from_le_bytes(*sum)).then_some((payload, synced))
}

/// Whether there are records after the end. Those that were written after the end was synced prove that something that
/// was safe is damaged.
fn beyond(bytes: &[u8], end: usize, nonce: u64) -> Result<bool, Fault> {
    let mark = tag(nonce);
    let mut gap = false;
    for at in memchr::memmem::find_iter(bytes.get(end..).unwrap_or_default(), &mark) {
        if let Some((_, synced)) = record(bytes, end + at, nonce) {
            if synced > end as u64 {
                return Err(Fault::Damaged(
                    end as u64,
                    "a record that was safe on the disk can't be read any more",
                ));
            }
            gap = true;
        }
    }
    Ok(gap)
}

/// Gives the changes of a record to `apply`; the number after the last one, `None` when the record makes no sense.
fn changes(payload: &[u8], next: u64, apply: &mut dyn FnMut(u64, Change)) -> Option<u64> {
    let mut reader = Reader(payload);
    if reader.long()? != next {
        return None;
    }
    let mut next = next;
    while !reader.0.is_empty() {
        apply(next, reader.change()?);
        next += 1;
    }
    Some(next)
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn change(&mut self) -> Option<Change> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        let key = self.bytes()?;
        Some(match *kind {
            PUT => Change::Put { key, expires: self.long()?, data: self.bytes()? },
            APPEND => Change::Append { prefix: key, expires: self.long()?, data: self.bytes()? },
            DELETE => Change::Delete { key },
            TRUNCATE => Change::Truncate { prefix: key, upto: self.long()? },
            _ => return None,
        })
    }

    fn long(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*word) as usize)?;
        self.0 = rest;
        Some(Bytes::copy_from_slice(bytes))
    }
}

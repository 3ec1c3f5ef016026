//! Reading a range: the memory laid over the file below, a page at a time. A page is a snapshot; the next one is a newer
//! one.

use bytes::Bytes;
use mecha_component::{Error, Result};

use super::Inner;
use super::base::View;
use super::memory::Slice;
use super::record::Record;

/// The pages of a walk.
const SCANNED: Limit = Limit { count: 256, bytes: 1 << 20 };

/// How much one page holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Most records.
    pub(crate) count: usize,
    /// Most bytes of data, unless the first record alone has more.
    pub(crate) bytes: usize,
}

impl Limit {
    /// An empty page.
    pub(crate) fn room(self) -> Room {
        Room { count: self.count, bytes: self.bytes, first: true }
    }
}

/// What still fits into a page.
pub(crate) struct Room {
    count: usize,
    bytes: usize,
    first: bool,
}

impl Room {
    /// Takes the room for a record with `bytes` of data; whether it was there.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        if self.count == 0 || (bytes > self.bytes && !self.first) {
            return false;
        }
        self.first = false;
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// Records of a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// In the order of their keys; none has ended.
    pub(crate) records: Vec<(Bytes, Record)>,
    /// Where the range goes on; `None` when this was all.
    pub(crate) next: Option<Bytes>,
}

/// A page of what is stored from key `from` to before `to`.
///
/// # Errors
/// When the file below can't be read.
pub(crate) fn read(
    memory: Slice,
    below: &View<'_>,
    from: &[u8],
    to: &[u8],
    limit: Limit,
    now: u64,
) -> Result<Page> {
    let (under, under_cut) = below.slice(from, to, limit)?;
    // Each side is known up to its last key where it was cut; together they are known up to the smaller one.
    let mut known: Option<Bytes> = None;
    if memory.cut {
        known =
            Some(memory.entries.last().map_or_else(|| Bytes::copy_from_slice(from), |(key, _)| key.clone()));
    }
    if under_cut && let Some((key, _)) = under.last() {
        known = Some(known.map_or_else(|| key.clone(), |known| known.min(key.clone())));
    }
    let records = merge(memory.entries, under, known.as_ref(), now);
    Ok(Page { records, next: known.map(|key| after(&key)) })
}

/// The page when the file below has nothing of the range.
pub(crate) fn alone(memory: Slice, now: u64) -> Page {
    let last = memory.entries.last().map(|(key, _)| after(key)).filter(|_| memory.cut);
    Page { records: merge(memory.entries, Vec::new(), None, now), next: last }
}

/// A walk over a range, page by page; one reader thread is busy with it.
pub(crate) struct Scan<'a> {
    inner: &'a Inner,
    next: Option<Bytes>,
    to: Vec<u8>,
    page: std::vec::IntoIter<(Bytes, Record)>,
    error: Option<Error>,
}

impl<'a> Scan<'a> {
    /// Before the first record of a range.
    pub(crate) fn new(inner: &'a Inner, from: Vec<u8>, to: Vec<u8>) -> Self {
        Scan { inner, next: Some(Bytes::from(from)), to, page: Vec::new().into_iter(), error: None }
    }

    /// What made the walk end before its time.
    pub(crate) fn error(self) -> Option<Error> {
        self.error
    }
}

impl Iterator for Scan<'_> {
    type Item = (Bytes, Record);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.page.next() {
                return Some(record);
            }
            let from = self.next.take()?;
            match self.inner.page(&from, &self.to, SCANNED) {
                Ok(page) => {
                    self.page = page.records.into_iter();
                    self.next = page.next;
                }
                Err(error) => {
                    self.error = Some(error);
                    return None;
                }
            }
        }
    }
}

fn merge(
    over: Vec<(Bytes, Option<Record>)>,
    under: Vec<(Bytes, Record)>,
    known: Option<&Bytes>,
    now: u64,
) -> Vec<(Bytes, Record)> {
    let mut records = Vec::with_capacity(over.len().max(under.len()));
    let mut under = under.into_iter().peekable();
    for (key, entry) in over {
        while let Some(record) = under.next_if(|(below, _)| *below < key) {
            records.push(record);
        }
        under.next_if(|(below, _)| *below == key);
        if let Some(record) = entry {
            records.push((key, record));
        }
    }
    records.extend(under);
    records.retain(|(key, record)| record.lives(now) && known.is_none_or(|known| key <= known));
    records
}

fn after(key: &Bytes) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    Bytes::from(next)
}

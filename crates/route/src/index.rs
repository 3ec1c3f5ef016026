//! Finds the routes whose path rule can match without asking all of them. Equal paths are hashed, prefixes are
//! sorted and chained to the prefixes they begin with; expressions and rules for every path stay a list. What is
//! found is tried in configuration order, so that the answer is that of a walk over all routes.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::matcher::PathRule;

/// An index over the routes of one virtual host.
#[derive(Debug, Default)]
pub(crate) struct Index {
    exact: HashMap<Box<[u8]>, Numbers, RandomState>,
    longest_exact: usize,
    prefixes: Prefixes,
    rest: Numbers,
}

/// Route numbers, ascending.
type Numbers = SmallVec<[u32; 2]>;

/// Routes that may match, and whether their path rule is known to.
type Candidates<'a> = SmallVec<[(&'a [u32], bool); 8]>;

/// No prefix.
const NONE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Prefixes {
    /// The bytes of all prefixes, one after the other.
    text: Box<[u8]>,
    /// Ascending by their bytes.
    entries: Box<[Prefix]>,
    /// The route numbers of all prefixes, one list after the other.
    numbers: Box<[u32]>,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    text: Range,
    numbers: Range,
    /// The longest other prefix that this one begins with.
    parent: u32,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    start: u32,
    end: u32,
}

impl Range {
    fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Index {
    /// An index over path rules, numbered from 0.
    pub(crate) fn build<'a>(rules: impl Iterator<Item = &'a PathRule>) -> Self {
        let mut index = Index::default();
        let mut prefixes: Vec<(&[u8], u32)> = Vec::new();
        for (number, rule) in (0..).zip(rules) {
            match rule {
                PathRule::Exact(path) => {
                    index.longest_exact = index.longest_exact.max(path.len());
                    index
                        .exact
                        .entry(path.to_ascii_lowercase().into_bytes().into())
                        .or_default()
                        .push(number);
                }
                PathRule::Prefix(prefix) => prefixes.push((prefix.as_bytes(), number)),
                PathRule::Any | PathRule::Regex(_) => index.rest.push(number),
            }
        }
        index.exact.shrink_to_fit();
        index.rest.shrink_to_fit();
        prefixes.sort_unstable();
        index.prefixes = Prefixes::build(&prefixes);
        index
    }

    /// The lowest number that `accept` takes, among the routes whose path rule matches. `accept` is told whether the
    /// path rule is known to match, and must look itself when it is not.
    #[inline]
    pub(crate) fn first(&self, path: &str, mut accept: impl FnMut(u32, bool) -> bool) -> Option<u32> {
        let mut candidates = Candidates::new();
        self.exact(path.as_bytes(), &mut candidates);
        self.prefixes.find(path.as_bytes(), &mut candidates);
        if !self.rest.is_empty() {
            candidates.push((&self.rest, false));
        }
        loop {
            let next = candidates
                .iter_mut()
                .filter_map(|list| Some((*list.0.first()?, list)))
                .min_by_key(|(number, _)| *number);
            let (number, (list, known)) = next?;
            if accept(number, *known) {
                return Some(number);
            }
            *list = list.get(1..).unwrap_or_default();
        }
    }

    fn exact<'a>(&'a self, path: &[u8], candidates: &mut Candidates<'a>) {
        if self.exact.is_empty() || path.len() > self.longest_exact {
            return;
        }
        let found = if path.iter().any(u8::is_ascii_uppercase) {
            let mut lower: SmallVec<[u8; 256]> = SmallVec::from_slice(path);
            lower.make_ascii_lowercase();
            self.exact.get(&lower[..])
        } else {
            self.exact.get(path)
        };
        if let Some(numbers) = found {
            candidates.push((numbers, true));
        }
    }
}

impl Prefixes {
    /// From prefixes with their route numbers, sorted.
    fn build(sorted: &[(&[u8], u32)]) -> Self {
        let mut text: Vec<u8> = Vec::new();
        let mut entries: Vec<Prefix> = Vec::new();
        let mut numbers: Vec<u32> = Vec::new();
        // The prefixes that the current one begins with, longest last.
        let mut open: Vec<(&[u8], u32)> = Vec::new();
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let Some((prefix, _)) = group.first() else { continue };
            while open.last().is_some_and(|(outer, _)| !prefix.starts_with(outer)) {
                open.pop();
            }
            let parent = open.last().map_or(NONE, |(_, number)| *number);
            open.push((prefix, entries.len() as u32));
            let (text_start, numbers_start) = (text.len() as u32, numbers.len() as u32);
            text.extend_from_slice(prefix);
            numbers.extend(group.iter().map(|(_, number)| *number));
            entries.push(Prefix {
                text: Range { start: text_start, end: text.len() as u32 },
                numbers: Range { start: numbers_start, end: numbers.len() as u32 },
                parent,
            });
        }
        Prefixes { text: text.into(), entries: entries.into(), numbers: numbers.into() }
    }

    /// Adds the routes of every prefix that `path` begins with. All of them are the last entry that sorts at or before
    /// the path, or among its parents: whatever sorts between a prefix of the path and the path begins with it too.
    fn find<'a>(&'a self, path: &[u8], candidates: &mut Candidates<'a>) {
        let after = self.entries.partition_point(|entry| entry.text.of(&self.text) <= path);
        let mut next = after.checked_sub(1).map_or(NONE, |last| last as u32);
        let mut begins = false;
        while let Some(entry) = self.entries.get(next as usize) {
            // What a prefix of the path begins with is a prefix of the path.
            begins = begins || path.starts_with(entry.text.of(&self.text));
            if begins {
                candidates.push((entry.numbers.of(&self.numbers), true));
            }
            next = entry.parent;
        }
    }
}

#[cfg(test)]
mod tests;

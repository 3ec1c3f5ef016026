//! All prefixes that a path begins with, found by one binary search and a walk along a chain.

use super::group::Group;
use crate::matcher::Matcher;

/// No prefix.
const NONE: u32 = u32::MAX;

/// Prefixes with their routes.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// The bytes of all prefixes, one after the other.
    text: Box<[u8]>,
    /// Ascending by their bytes.
    entries: Box<[Prefix]>,
    /// In the order of `entries`.
    groups: Box<[Group]>,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    start: u32,
    end: u32,
    /// The longest other prefix that this one begins with.
    parent: u32,
}

impl Prefixes {
    /// From prefixes with their route numbers, sorted, and the conditions of all routes.
    pub(super) fn build(sorted: &[(&[u8], u32)], matchers: &[&Matcher]) -> Self {
        let mut text: Vec<u8> = Vec::new();
        let mut entries: Vec<Prefix> = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        // The prefixes that the current one begins with, longest last.
        let mut open: Vec<(&[u8], u32)> = Vec::new();
        for same in sorted.chunk_by(|a, b| a.0 == b.0) {
            let Some((prefix, _)) = same.first() else { continue };
            while open.last().is_some_and(|(outer, _)| !prefix.starts_with(outer)) {
                open.pop();
            }
            let parent = open.last().map_or(NONE, |(_, number)| *number);
            open.push((prefix, entries.len() as u32));
            let start = text.len() as u32;
            text.extend_from_slice(prefix);
            entries.push(Prefix { start, end: text.len() as u32, parent });
            groups.push(Group::build(same.iter().map(|(_, number)| *number).collect(), matchers));
        }
        Prefixes { text: text.into(), entries: entries.into(), groups: groups.into() }
    }

    /// Calls `found` with the routes of every prefix that `path` begins with. All of these prefixes are the last entry that
    /// sorts at or before the path, or among its parents: whatever sorts between a prefix of the path and the path
    /// begins with that prefix too.
    #[inline]
    pub(super) fn find<'a>(&'a self, path: &[u8], mut found: impl FnMut(&'a Group)) {
        let after = self.entries.partition_point(|entry| self.text(entry) <= path);
        let mut next = after.checked_sub(1).map_or(NONE, |last| last as u32);
        let mut begins = false;
        while let (Some(entry), Some(group)) =
            (self.entries.get(next as usize), self.groups.get(next as usize))
        {
            // What a prefix of the path begins with is a prefix of the path.
            begins = begins || path.starts_with(self.text(entry));
            if begins {
                found(group);
            }
            next = entry.parent;
        }
    }

    fn text(&self, entry: &Prefix) -> &[u8] {
        self.text.get(entry.start as usize..entry.end as usize).unwrap_or_default()
    }
}

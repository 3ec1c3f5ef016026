//! Finds the routes that can match without asking all of them. Equal paths are hashed, prefixes are sorted and
//! chained to the prefixes they begin with, expressions stay a list; routes of one path rule are told apart
//! by a header. What is found is tried in configuration order, so that the answer is that of a walk over all routes.

mod group;
mod prefix;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use mecha_http::RequestHead;
use smallvec::SmallVec;

use crate::matcher::{Matcher, PathRule};
use group::Group;
use prefix::Prefixes;

/// An index over the routes of one virtual host.
#[derive(Debug, Default)]
pub(crate) struct Index {
    exact: HashMap<Box<[u8]>, Group, RandomState>,
    longest_exact: usize,
    prefixes: Prefixes,
    any: Group,
    expressions: Numbers,
}

/// Route numbers, ascending.
type Numbers = SmallVec<[u32; 2]>;

/// Routes that may match, and whether their path rule is known to.
type Candidates<'a> = SmallVec<[(&'a [u32], bool); 8]>;

impl Index {
    /// An index over conditions, numbered from 0.
    pub(crate) fn build(matchers: &[&Matcher]) -> Self {
        let mut exact: HashMap<Box<[u8]>, Numbers, RandomState> = HashMap::default();
        let (mut any, mut expressions) = (Numbers::new(), Numbers::new());
        let mut prefixes: Vec<(&[u8], u32)> = Vec::new();
        for (number, matcher) in (0..).zip(matchers) {
            match &matcher.path {
                PathRule::Exact(path) => {
                    exact.entry(path.to_ascii_lowercase().into_bytes().into()).or_default().push(number);
                }
                PathRule::Prefix(prefix) => prefixes.push((prefix.as_bytes(), number)),
                PathRule::Any => any.push(number),
                PathRule::Regex(_) => expressions.push(number),
            }
        }
        prefixes.sort_unstable();
        expressions.shrink_to_fit();
        Index {
            longest_exact: exact.keys().map(|path| path.len()).max().unwrap_or(0),
            exact: exact.into_iter().map(|(path, numbers)| (path, Group::build(numbers, matchers))).collect(),
            prefixes: Prefixes::build(&prefixes, matchers),
            any: Group::build(any, matchers),
            expressions,
        }
    }

    /// The lowest number that `accept` takes, among the routes that can match. `accept` is told whether the path rule
    /// is known to match, must look itself when it is not, and looks at the headers in any case.
    #[inline]
    pub(crate) fn first(
        &self,
        path: &str,
        head: &RequestHead,
        mut accept: impl FnMut(u32, bool) -> bool,
    ) -> Option<u32> {
        let mut candidates = Candidates::new();
        if let Some(group) = self.exact(path.as_bytes()) {
            group.offer(head, &mut candidates);
        }
        self.prefixes.find(path.as_bytes(), |group| group.offer(head, &mut candidates));
        self.any.offer(head, &mut candidates);
        if !self.expressions.is_empty() {
            candidates.push((&self.expressions, false));
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

    fn exact(&self, path: &[u8]) -> Option<&Group> {
        if self.exact.is_empty() || path.len() > self.longest_exact {
            return None;
        }
        if path.iter().any(u8::is_ascii_uppercase) {
            let mut lower: SmallVec<[u8; 256]> = SmallVec::from_slice(path);
            lower.make_ascii_lowercase();
            return self.exact.get(&lower[..]);
        }
        self.exact.get(path)
    }
}

#[cfg(test)]
mod tests;

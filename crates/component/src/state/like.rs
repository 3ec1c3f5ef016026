//! SQL LIKE patterns over keys: `%` is any run of characters, `_` one character, a backslash takes away the meaning of
//! what follows. Drivers without LIKE of their own match with it, others translate it to what their system has.

use crate::{Error, Result};

/// A pattern, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    parts: Vec<Part>,
    prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    One,
    Any,
}

impl Like {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty (reference 7.2) or ends inside an escape.
    pub fn parse(pattern: &str) -> Result<Self> {
        if pattern.is_empty() {
            return Err(Error::invalid("pattern cannot be empty: `%` matches every key"));
        }
        let mut parts = Vec::with_capacity(pattern.len());
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::Literal(chars.next().ok_or_else(|| {
                    Error::invalid("the pattern ends in a backslash: write `\\\\` for the character itself")
                })?),
                other => Part::Literal(other),
            });
        }
        let prefix = parts.iter().map_while(|part| part.literal()).collect();
        Ok(Like { parts, prefix })
    }

    /// The pattern of a page of keys.
    ///
    /// # Errors
    /// As [`Like::parse`], and when the page has no room.
    pub fn of_page(pattern: &str, page: Option<usize>) -> Result<Self> {
        let like = Self::parse(pattern)?;
        if page == Some(0) {
            return Err(Error::invalid("the page size is zero: leave it out for all keys at once"));
        }
        Ok(like)
    }

    /// What every matching key begins with; bounds a scan.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the whole of `key` matches, in its case.
    pub fn matches(&self, key: &str) -> bool {
        let mut parts = self.parts.as_slice();
        let mut rest = key.chars();
        let mut retry = None;
        loop {
            match parts.split_first() {
                Some((Part::Any, after)) => {
                    retry = Some((after, rest.clone()));
                    parts = after;
                    continue;
                }
                Some((part, after)) => {
                    let mut next = rest.clone();
                    if next.next().is_some_and(|c| part.takes(c)) {
                        parts = after;
                        rest = next;
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            // A dead end: the last `%` takes one character more.
            let Some((after, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            parts = *after;
            rest = from.clone();
        }
    }

    /// The same pattern in another language: what stands there for `_` and `%`, and how a literal character is written.
    pub fn translate(&self, one: &str, any: &str, mut literal: impl FnMut(char, &mut String)) -> String {
        let mut out = String::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Literal(c) => literal(*c, &mut out),
                Part::One => out.push_str(one),
                Part::Any => out.push_str(any),
            }
        }
        out
    }
}

impl Part {
    fn literal(self) -> Option<char> {
        match self {
            Part::Literal(c) => Some(c),
            Part::One | Part::Any => None,
        }
    }

    fn takes(self, c: char) -> bool {
        match self {
            Part::Literal(literal) => literal == c,
            Part::One | Part::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &str) -> bool {
        Like::parse(pattern).unwrap().matches(key)
    }

    #[test]
    fn wildcards_and_literals() {
        assert!(matches("%", ""));
        assert!(matches("app||%", "app||a||b"));
        assert!(!matches("app||%", "other||a"));
        assert!(matches("a_c", "abc"));
        assert!(matches("a_c", "a\u{e9}c"));
        assert!(!matches("a_c", "ac"));
        assert!(!matches("abc", "ABC"));
        assert!(!matches("ab", "abc"));
        assert!(matches("%||%||metadata", "app||type||id||metadata"));
        assert!(!matches("%a%b%", "bbbb"));
        assert!(matches("%ab", "aaab"));
    }

    #[test]
    fn a_backslash_takes_the_meaning_away() {
        assert!(matches(r"100\%", "100%"));
        assert!(!matches(r"100\%", "1000"));
        assert!(matches(r"a\_b", "a_b"));
        assert!(!matches(r"a\_b", "axb"));
        assert!(matches(r"a\\%", r"a\x"));
        assert!(Like::parse("a\\").is_err());
        assert!(Like::parse("").is_err());
    }

    #[test]
    fn the_prefix_ends_at_the_first_wildcard() {
        assert_eq!(Like::parse(r"app||a\_b%c").unwrap().prefix(), "app||a_b");
        assert_eq!(Like::parse("_x").unwrap().prefix(), "");
    }

    #[test]
    fn translates_to_a_glob() {
        let glob = Like::parse(r"a*_\%%").unwrap().translate("?", "*", |c, out| match c {
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            other => out.push(other),
        });
        assert_eq!(glob, "a[*]?%*");
    }
}

//! Changes of path and authority on the way to the upstream (reference 1.7 rule 8).

use bytestring::ByteString;
use mecha_config::route::Forward;
use mecha_http::{HeaderId, RequestHead};
use regex::{Captures, Regex};

/// Where the path goes that a rewrite replaced.
pub const ORIGINAL_PATH: &str = "x-mosn-original-path";

/// What one route rewrites.
#[derive(Debug)]
pub(crate) struct Rewrite {
    path: Option<PathRewrite>,
    authority: Option<AuthorityRewrite>,
}

#[derive(Debug)]
enum PathRewrite {
    /// Replaces the matched prefix.
    Prefix(Box<str>),
    /// Replaces what the expression finds.
    Regex(Regex, Substitution),
}

#[derive(Debug)]
enum AuthorityRewrite {
    To(ByteString),
    /// The chosen host's name.
    Host,
    /// The value of a request header.
    Header(Box<str>),
}

/// What is put in the place of a match: text and groups.
#[derive(Debug, PartialEq, Eq)]
struct Substitution(Box<[Piece]>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Group(usize),
}

impl Rewrite {
    /// The rewrites of a route; `None` when it has none. `prefix_rewrite` wins over `regex_rewrite`, and a fixed
    /// authority over a header's value over the host's name, as in MOSN.
    pub(crate) fn build(forward: &Forward) -> Option<Rewrite> {
        let set = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
        let path = match (set(&forward.prefix_rewrite), &forward.regex_rewrite) {
            (Some(prefix), _) => Some(PathRewrite::Prefix(prefix.into())),
            (None, Some(regex)) => {
                Some(PathRewrite::Regex(regex.pattern.clone(), Substitution::parse(&regex.substitution)))
            }
            (None, None) => None,
        };
        let authority = match (set(&forward.host_rewrite), set(&forward.auto_host_rewrite_header)) {
            (Some(host), _) => Some(AuthorityRewrite::To(host.into())),
            (None, Some(header)) => Some(AuthorityRewrite::Header(header.to_ascii_lowercase().into())),
            (None, None) => forward.auto_host_rewrite.then_some(AuthorityRewrite::Host),
        };
        (path.is_some() || authority.is_some()).then_some(Rewrite { path, authority })
    }

    /// Whether the authority depends on the chosen host.
    pub(crate) fn follows_host(&self) -> bool {
        matches!(self.authority, Some(AuthorityRewrite::Host))
    }

    /// Changes a head; `prefix` is how many bytes of its path a prefix rewrite replaces, when there is a prefix.
    pub(crate) fn apply(&self, head: &mut RequestHead, prefix: Option<usize>) {
        match &self.authority {
            Some(AuthorityRewrite::To(authority)) => set_authority(head, authority.clone()),
            Some(AuthorityRewrite::Header(name)) => {
                if let Some(value) = head.headers.get_str(name).map(ByteString::from) {
                    set_authority(head, value);
                }
            }
            Some(AuthorityRewrite::Host) | None => {}
        }
        let path = head.path();
        let new = match (&self.path, prefix) {
            (Some(PathRewrite::Prefix(with)), Some(prefix)) => {
                path.get(prefix..).map(|rest| [with.as_ref(), rest].concat())
            }
            (Some(PathRewrite::Regex(regex, substitution)), _) => {
                let put = |groups: &Captures<'_>| substitution.fill(groups);
                let new = regex.replace_all(path, put);
                (new != path).then(|| new.into_owned())
            }
            _ => None,
        };
        if let Some(new) = new {
            set_path(head, &new);
        }
    }
}

/// Puts another path in the place of the old one, which goes into a header; the query stays.
fn set_path(head: &mut RequestHead, new: &str) {
    let target = head.target.clone();
    let target: &str = &target;
    let (old, query) = target.split_at(head.path().len());
    // A target that does not begin with a slash is no path (RFC 9112 section 3.2.1).
    let slash = if new.starts_with('/') { "" } else { "/" };
    head.target = [slash, new, query].concat().into();
    let _ = head.headers.set(ORIGINAL_PATH, old.as_bytes());
}

/// Sets the authority, and the `Host` field in its place when there is one. An authority that can't be one is not set.
pub(crate) fn set_authority(head: &mut RequestHead, authority: ByteString) {
    if !is_authority(&authority) {
        return;
    }
    if head.headers.get_id(HeaderId::Host).is_some() {
        let _ = head.headers.set(HeaderId::Host.name(), authority.as_bytes());
    }
    head.authority = authority;
}

/// Whether these are the bytes of `host [ ":" port ]` (RFC 3986 section 3.2).
fn is_authority(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

impl Substitution {
    /// Reads `\1` as RE2 writes groups, and `$1` or `${1}` as Go does; `\\` and `$$` stand for one of them.
    fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['\\', '$']) {
            let (before, after) = rest.split_at(at);
            plain.push_str(before);
            match group(after) {
                Some((group, tail)) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
                    }
                    pieces.push(Piece::Group(group));
                    rest = tail;
                }
                None => {
                    let mut chars = after.chars();
                    let sign = chars.next();
                    plain.extend(sign);
                    let tail = chars.as_str();
                    rest = sign.and_then(|sign| tail.strip_prefix(sign)).unwrap_or(tail);
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        Substitution(pieces.into())
    }

    fn fill(&self, groups: &Captures<'_>) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => {
                    out.push_str(groups.get(*group).map_or("", |found| found.as_str()));
                }
            }
        }
        out
    }
}

/// The group that `text` begins with, and what follows. RE2 reads one digit, Go all of them.
fn group(text: &str) -> Option<(usize, &str)> {
    if let Some(rest) = text.strip_prefix('\\') {
        let digit = rest.chars().next()?.to_digit(10)?;
        return Some((digit as usize, rest.get(1..)?));
    }
    let rest = text.strip_prefix('$')?;
    let (digits, tail) = match rest.strip_prefix('{') {
        Some(rest) => rest.split_once('}')?,
        None => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
    };
    Some((digits.parse().ok()?, tail))
}

#[cfg(test)]
mod tests;

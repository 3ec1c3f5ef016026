//! What a route asks of a request (reference 1.7 rules 2, 3 and 5): its path and its headers.

use std::fmt;

use mecha_config::route::{HeaderMatch, PathMatch, RouteMatch, ValueMatch};
use mecha_http::{HeaderId, RequestHead};
use regex::Regex;

/// The conditions of one route.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) path: PathRule,
    headers: Box<[HeaderRule]>,
}

/// How the path is compared.
#[derive(Clone, Debug)]
pub(crate) enum PathRule {
    Any,
    Prefix(Box<str>),
    Exact(Box<str>),
    Regex(Regex),
}

#[derive(Debug)]
pub(crate) struct HeaderRule {
    field: Field,
    value: ValueRule,
}

/// What a header rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    name: Box<str>,
    subject: Subject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Method,
    /// Over HTTP/2 there is no `Host` field.
    Authority,
    Known(HeaderId),
    Named,
}

#[derive(Debug)]
enum ValueRule {
    Present,
    Exact(Box<str>),
    Regex(Regex),
}

impl Matcher {
    pub(crate) fn build(matcher: &RouteMatch) -> Self {
        let path = match &matcher.path {
            PathMatch::Any => PathRule::Any,
            PathMatch::Prefix(prefix) => PathRule::Prefix(prefix.as_str().into()),
            PathMatch::Exact(path) => PathRule::Exact(path.as_str().into()),
            PathMatch::Regex(regex) => PathRule::Regex(regex.clone()),
        };
        Matcher { path, headers: matcher.headers.iter().map(HeaderRule::build).collect() }
    }

    /// Whether the request fits.
    #[cfg(test)]
    pub(crate) fn matches(&self, path: &str, head: &RequestHead) -> bool {
        self.path.matches(path) && self.refuses(head).is_none()
    }

    /// The first header rule that the request does not fulfil.
    #[inline]
    pub(crate) fn refuses(&self, head: &RequestHead) -> Option<&HeaderRule> {
        self.headers.iter().find(|rule| !rule.matches(head))
    }

    /// The fields that must have exactly one value, and the values.
    pub(crate) fn exact_headers(&self) -> impl Iterator<Item = (&Field, &str)> {
        self.headers.iter().filter_map(|rule| match &rule.value {
            ValueRule::Exact(value) => Some((&rule.field, &**value)),
            ValueRule::Present | ValueRule::Regex(_) => None,
        })
    }

    /// How many bytes of `path`, which it matches, a prefix rewrite replaces; `None` where there is no prefix.
    pub(crate) fn replaces(&self, path: &str) -> Option<usize> {
        match &self.path {
            PathRule::Prefix(prefix) => Some(prefix.len()),
            PathRule::Exact(_) => Some(path.len()),
            PathRule::Any | PathRule::Regex(_) => None,
        }
    }
}

/// Whether a request fulfils one header condition: for filters, which ask rarely.
pub fn header_fits(rule: &HeaderMatch, head: &RequestHead) -> bool {
    HeaderRule::build(rule).matches(head)
}

impl PathRule {
    #[inline]
    pub(crate) fn matches(&self, path: &str) -> bool {
        match self {
            PathRule::Any => true,
            PathRule::Prefix(prefix) => path.starts_with(&**prefix),
            PathRule::Exact(exact) => path.eq_ignore_ascii_case(exact),
            PathRule::Regex(regex) => regex.is_match(path),
        }
    }
}

impl Field {
    fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let subject = match name.as_str() {
            "method" | ":method" => Subject::Method,
            "host" | ":authority" => Subject::Authority,
            name => match HeaderId::of(name.as_bytes()) {
                HeaderId::Other => Subject::Named,
                id => Subject::Known(id),
            },
        };
        Field { name: name.into(), subject }
    }

    /// Its value in a request.
    #[inline]
    pub(crate) fn of<'a>(&self, head: &'a RequestHead) -> Option<&'a [u8]> {
        match self.subject {
            Subject::Method => Some(head.method.as_str().as_bytes()),
            Subject::Authority => Some(&*head.authority).filter(|name| !name.is_empty()).map(str::as_bytes),
            Subject::Known(id) => head.headers.get_id(id),
            Subject::Named => head.headers.get(&self.name),
        }
    }
}

impl HeaderRule {
    fn build(rule: &HeaderMatch) -> Self {
        let value = match &rule.value {
            ValueMatch::Present => ValueRule::Present,
            ValueMatch::Exact(value) => ValueRule::Exact(value.as_str().into()),
            ValueMatch::Regex(regex) => ValueRule::Regex(regex.clone()),
        };
        HeaderRule { field: Field::named(&rule.name), value }
    }

    fn matches(&self, head: &RequestHead) -> bool {
        let Some(found) = self.field.of(head) else { return false };
        match &self.value {
            ValueRule::Present => true,
            ValueRule::Exact(value) => found == value.as_bytes(),
            ValueRule::Regex(regex) => std::str::from_utf8(found).is_ok_and(|found| regex.is_match(found)),
        }
    }

    /// Why the request does not fulfil this rule.
    pub(crate) fn complain(&self, head: &RequestHead) -> String {
        match self.field.of(head) {
            None => format!("header \"{}\" is missing", self.field.name),
            Some(found) => {
                format!("header \"{}\" is \"{}\"", self.field.name, String::from_utf8_lossy(found))
            }
        }
    }
}

/// As explain shows it.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            PathRule::Any => f.write_str("any path")?,
            PathRule::Prefix(prefix) => write!(f, "prefix \"{prefix}\"")?,
            PathRule::Exact(path) => write!(f, "path \"{path}\"")?,
            PathRule::Regex(regex) => write!(f, "regex \"{regex}\"")?,
        }
        for rule in &self.headers {
            match &rule.value {
                ValueRule::Present => write!(f, ", header \"{}\"", rule.field.name)?,
                ValueRule::Exact(value) => write!(f, ", header \"{}\" = \"{value}\"", rule.field.name)?,
                ValueRule::Regex(regex) => write!(f, ", header \"{}\" ~ \"{regex}\"", rule.field.name)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::{header, request};

    fn regex(text: &str) -> Regex {
        Regex::new(text).unwrap()
    }

    fn matcher(path: PathMatch, headers: Vec<HeaderMatch>) -> Matcher {
        Matcher::build(&RouteMatch { path, headers })
    }

    #[test]
    fn how_paths_are_compared() {
        let cases = [
            (PathMatch::Any, "", true),
            (PathMatch::Any, "*", true),
            (PathMatch::Prefix("/a".into()), "/ab", true),
            (PathMatch::Prefix("/a".into()), "/A", false),
            (PathMatch::Prefix("/a".into()), "/", false),
            (PathMatch::Exact("/Some/Path".into()), "/some/pATH", true),
            (PathMatch::Exact("/some".into()), "/some/", false),
            (PathMatch::Exact("/\u{fc}".into()), "/\u{dc}", false),
            (PathMatch::Regex(regex("[0-9]+")), "/x/12/y", true),
            (PathMatch::Regex(regex("^/[0-9]+$")), "/x/12", false),
        ];
        for (rule, path, fits) in cases {
            let case = format!("{rule:?} {path}");
            assert_eq!(matcher(rule, vec![]).matches(path, &request("a", path, &[])), fits, "{case}");
        }
    }

    #[test]
    fn how_headers_are_compared() {
        let head = request("a.test", "/", &[("X-One", "1"), ("content-type", "text/plain"), ("empty", "")]);
        let cases = [
            (vec![], true),
            (vec![header("x-one", ValueMatch::Exact("1".into()))], true),
            (vec![header("x-one", ValueMatch::Exact("2".into()))], false),
            (vec![header("x-one", ValueMatch::Present)], true),
            (vec![header("x-two", ValueMatch::Present)], false),
            (vec![header("empty", ValueMatch::Present)], true),
            (vec![header("x-two", ValueMatch::Regex(regex(".*")))], false),
            (vec![header("empty", ValueMatch::Regex(regex(".*")))], true),
            (vec![header("content-type", ValueMatch::Regex(regex("plain")))], true),
            (vec![header("method", ValueMatch::Exact("GET".into()))], true),
            (vec![header("method", ValueMatch::Exact("POST".into()))], false),
            (vec![header(":method", ValueMatch::Regex(regex("^(GET|PUT)$")))], true),
            (vec![header("host", ValueMatch::Exact("a.test".into()))], true),
            (vec![header(":authority", ValueMatch::Exact("b.test".into()))], false),
            (vec![header("x-one", ValueMatch::Present), header("x-two", ValueMatch::Present)], false),
        ];
        for (headers, fits) in cases {
            let case = format!("{headers:?}");
            assert_eq!(matcher(PathMatch::Any, headers).matches("/", &head), fits, "{case}");
        }
    }
}

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
    /// Of HTTP the method, of an RPC protocol the called one.
    Method,
    /// The called method, also of gRPC and Triple, whose method over HTTP is POST.
    CalledMethod,
    /// Over HTTP/2 there is no `Host` field. Of an RPC protocol it is the service.
    Authority,
    /// The field of this name, or the service that a path of gRPC or Triple names.
    Service,
    /// The same with its version, where the message has that in one (SOFARPC's `interface:version`).
    UniqueService,
    /// The field of this name, or Triple's for the same.
    Group,
    Version,
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
    /// The field that a rule asks for this value.
    fn asked(name: &str, value: &ValueMatch) -> Self {
        let mut field = Field::named(name);
        let has_version = match value {
            ValueMatch::Present => false,
            ValueMatch::Exact(text) => text.contains(':'),
            ValueMatch::Regex(regex) => regex.as_str().replace("(?:", "").contains(':'),
        };
        if field.subject == Subject::Service && has_version {
            field.subject = Subject::UniqueService;
        }
        field
    }

    fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let subject = match name.as_str() {
            "method" | ":method" => Subject::Method,
            "rpc-method" => Subject::CalledMethod,
            "host" | ":authority" => Subject::Authority,
            "service" => Subject::Service,
            "group" => Subject::Group,
            "version" => Subject::Version,
            name => match HeaderId::of(name.as_bytes()) {
                HeaderId::Other => Subject::Named,
                id => Subject::Known(id),
            },
        };
        Field { name: name.into(), subject }
    }

    /// What it is in a request, in words.
    fn describe(&self, head: &RequestHead) -> String {
        match self.subject {
            Subject::Method | Subject::CalledMethod if head.rpc.is_some() => "the method".to_owned(),
            Subject::Service | Subject::UniqueService if head.call().is_some() => "the service".to_owned(),
            Subject::CalledMethod if head.call().is_some() => "the called method".to_owned(),
            _ => format!("header \"{}\"", self.name),
        }
    }

    /// Its value in a request.
    #[inline]
    pub(crate) fn of<'a>(&self, head: &'a RequestHead) -> Option<&'a [u8]> {
        match self.subject {
            Subject::Method if head.rpc.is_some() => head.headers.get("method"),
            Subject::Method => Some(head.method.as_str().as_bytes()),
            Subject::CalledMethod => head.rpc_method().or_else(|| head.headers.get(&self.name)),
            Subject::Service => head.headers.get("service").or_else(|| head.rpc_service()),
            Subject::UniqueService => unique_service(head),
            Subject::Group => head.headers.get("group").or_else(|| head.headers.get("tri-service-group")),
            Subject::Version => {
                head.headers.get("version").or_else(|| head.headers.get("tri-service-version"))
            }
            Subject::Authority => Some(&*head.authority).filter(|name| !name.is_empty()).map(str::as_bytes),
            Subject::Known(id) => head.headers.get_id(id),
            Subject::Named => head.headers.get(&self.name),
        }
    }
}

/// The service with its version. A Bolt message has it as SOFARPC wrote it, beside the service alone, which comes first.
fn unique_service(head: &RequestHead) -> Option<&[u8]> {
    let written = || head.headers.views().find(|field| !field.own && field.name == b"service");
    let target = head.rpc.as_ref().and_then(|_| head.headers.get("sofa_head_target_service"));
    target
        .or_else(|| head.rpc.as_ref().and_then(|_| written()).map(|field| field.value))
        .or_else(|| head.headers.get("service"))
        .or_else(|| head.rpc_service())
}

impl HeaderRule {
    fn build(rule: &HeaderMatch) -> Self {
        let value = match &rule.value {
            ValueMatch::Present => ValueRule::Present,
            ValueMatch::Exact(value) => ValueRule::Exact(value.as_str().into()),
            ValueMatch::Regex(regex) => ValueRule::Regex(regex.clone()),
        };
        HeaderRule { field: Field::asked(&rule.name, &rule.value), value }
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
        let what = self.field.describe(head);
        match self.field.of(head) {
            None => format!("{what} is missing"),
            Some(found) => format!("{what} is \"{}\"", String::from_utf8_lossy(found)),
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
pub(crate) mod tests;

//! The labels `method` and `path` of HTTP metrics (reference 5.5). With increased cardinality the path is a label, without
//! the keys, secrets and ids in it; else the endpoint's name stands for method and path. Paths that the settings name as
//! patterns (those of Go's `ServeMux`) are labelled by their pattern either way.

use std::borrow::Cow;

use mecha_base::percent::{Plus, decode};
use mecha_config::runtime::settings;

use super::callee;

/// What paths of no pattern are called where the path itself is no label.
const UNMATCHED: &str = "_";

/// How calls are labelled.
#[derive(Debug)]
pub(super) struct Labels {
    /// The most specific first.
    patterns: Vec<Pattern>,
    increased: bool,
    exclude_verbs: bool,
}

/// A pattern of paths.
#[derive(Debug)]
struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// A segment of one; the order is that of how specific they are.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    /// The path ends here with a slash (`{$}`).
    End,
    Any,
    /// Whatever follows, nothing included.
    Rest,
}

impl Labels {
    pub(super) fn new(settings: &settings::Metrics) -> Self {
        let mut patterns: Vec<Pattern> =
            settings.path_matching.iter().map(|text| Pattern::new(text)).collect();
        patterns.sort_by(|one, other| one.segments.cmp(&other.segments));
        Labels { patterns, increased: settings.increased_cardinality, exclude_verbs: settings.exclude_verbs }
    }

    /// The labels of a call. `endpoint` names what serves it.
    pub(super) fn of<'a>(
        &'a self,
        method: &'a str,
        path: &'a str,
        endpoint: impl FnOnce() -> String,
    ) -> (Cow<'a, str>, Cow<'a, str>) {
        if self.patterns.is_empty() && !self.increased {
            return (Cow::Owned(endpoint()), Cow::Borrowed(""));
        }
        let method = if self.exclude_verbs { "" } else { method };
        let matched = self.patterns.iter().find(|pattern| pattern.is_match(path));
        let path = match matched {
            Some(pattern) => Cow::Borrowed(pattern.text.as_str()),
            None if !self.increased => Cow::Borrowed(UNMATCHED),
            None if self.patterns.is_empty() => reduced(path),
            None => Cow::Borrowed(path),
        };
        let path = match matched {
            Some(_) => path,
            None => without_user(&path).map_or(path, Cow::Owned),
        };
        (Cow::Borrowed(method), path)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let path = text.trim_start_matches('/');
        let mut segments: Vec<Segment> = Vec::new();
        for part in path.split('/') {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            segments.push(match name {
                Some("$") => Segment::End,
                Some(name) if name.ends_with("...") => Segment::Rest,
                Some(_) => Segment::Any,
                // A slash at the end.
                None if part.is_empty() => Segment::Rest,
                None => Segment::Literal(part.to_owned()),
            });
        }
        Pattern { text: text.to_owned(), segments }
    }

    fn is_match(&self, path: &str) -> bool {
        let mut parts = path.trim_start_matches('/').split('/');
        for segment in &self.segments {
            let part = parts.next();
            match (segment, part) {
                (Segment::Rest, Some(_)) => return true,
                (Segment::End, Some("")) => {}
                (Segment::Any, Some(part)) if !part.is_empty() => {}
                (Segment::Literal(literal), Some(part)) if literal == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

/// A path without what is different on each call: keys of state and secrets, ids of actors and workflows.
fn reduced(path: &str) -> Cow<'_, str> {
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(6, '/').collect();
    match parts.as_slice() {
        ["actors", kind, _, rest @ ..] => Cow::Owned(joined(&["actors", kind, "{id}"], rest)),
        [version, block @ ("state" | "secrets"), store, ..] => {
            Cow::Owned(joined(&[version, block, store], &[]))
        }
        [version, "actors", kind, _, what, ..] => {
            Cow::Owned(joined(&[version, "actors", kind, "{id}", what], &[]))
        }
        [version, "workflows", component, name, "start"] => {
            Cow::Owned(joined(&[version, "workflows", component, name, "start"], &[]))
        }
        [version, "workflows", component, _, rest @ ..] => {
            Cow::Owned(joined(&[version, "workflows", component, "{instanceID}"], rest))
        }
        _ => Cow::Borrowed(path),
    }
}

/// A path that calls a URL, with host and port of that only; `None` when it calls none.
fn without_user(path: &str) -> Option<String> {
    let (before, called) = path.split_once("/invoke/")?;
    let (target, method) = called.find("/method/").map_or((called, ""), |at| called.split_at(at));
    let decoded = match target.contains(":/") {
        true => Cow::Borrowed(target),
        false => String::from_utf8_lossy(&decode(target.as_bytes(), Plus::Literal)).into_owned().into(),
    };
    decoded.contains(":/").then(|| format!("{before}/invoke/{}{method}", callee(&decoded)))
}

fn joined(first: &[&str], rest: &[&str]) -> String {
    format!("/{}", [first, rest].concat().join("/"))
}

#[cfg(test)]
mod tests {
    use mecha_config::runtime::settings::Metrics;

    use super::*;

    fn label(settings: &Metrics, path: &str) -> (String, String) {
        let labels = Labels::new(settings);
        let (method, path) = labels.of("GET", path, || "GetState".to_owned());
        (method.into_owned(), path.into_owned())
    }

    #[test]
    fn keys_and_ids_and_users_are_no_labels() {
        for (path, expected) in [
            ("/v1.0/state/store/key/with", "/v1.0/state/store"),
            ("/v1.0/secrets/vault/db", "/v1.0/secrets/vault"),
            ("/v1.0/actors/cart/7/method/add", "/v1.0/actors/cart/{id}/method"),
            ("/v1.0/invoke/orders/method/new/1", "/v1.0/invoke/orders/method/new/1"),
            ("/v1.0/workflows/dapr/7/pause", "/v1.0/workflows/dapr/{instanceID}/pause"),
            ("/v1.0/healthz", "/v1.0/healthz"),
            ("/v1.0/invoke/http://me:pw@host:81/method/a@b", "/v1.0/invoke/host:81/method/a@b"),
            ("/v1.0/invoke/http:%2F%2Fme:p%252Fw%40host/method/a", "/v1.0/invoke/host/method/a"),
        ] {
            assert_eq!(label(&Metrics::default(), path), ("GET".to_owned(), expected.to_owned()));
        }
    }

    #[test]
    fn without_increased_cardinality_the_endpoint_is_the_label() {
        let settings = Metrics { increased_cardinality: false, ..Metrics::default() };
        assert_eq!(label(&settings, "/v1.0/state/s/k"), ("GetState".to_owned(), String::new()));
    }

    #[test]
    fn the_most_specific_pattern_is_the_label() {
        let patterns = ["/orders/{id}", "/orders/new", "/orders/{id}/items/", "/files/{path...}"];
        let path_matching = patterns.map(str::to_owned).to_vec();
        let settings = Metrics { path_matching, increased_cardinality: false, ..Metrics::default() };
        for (path, expected) in [
            ("/orders/7", "/orders/{id}"),
            ("/orders/new", "/orders/new"),
            ("/orders/7/items/1/2", "/orders/{id}/items/"),
            ("/files/a/b", "/files/{path...}"),
            ("/orders/7/other", "_"),
        ] {
            assert_eq!(label(&settings, path), ("GET".to_owned(), expected.to_owned()), "{path}");
        }
        let increased = Metrics { increased_cardinality: true, exclude_verbs: true, ..settings };
        assert_eq!(label(&increased, "/orders/7/other"), (String::new(), "/orders/7/other".to_owned()));
    }
}

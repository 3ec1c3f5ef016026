//! Finds a route for a method and a cleaned path.

use std::collections::HashMap;

use super::Route;
use crate::path;

/// Routes by the first two segments of their paths.
#[derive(Default)]
pub(crate) struct Table(HashMap<String, Vec<Entry>>);

struct Entry {
    route: &'static Route,
    /// What comes after the two.
    rest: Vec<Segment>,
}

/// A segment of a route.
enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
    /// One or more.
    Rest,
}

/// A route and the parameters of the path.
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    pub(crate) params: Vec<(&'static str, String)>,
}

/// The name of the parameter that takes the rest of a path.
pub(crate) const REST: &str = "*";

impl Table {
    pub(crate) fn of(routes: impl Iterator<Item = &'static Route>) -> Self {
        let mut table: HashMap<String, Vec<Entry>> = HashMap::new();
        for route in routes {
            let mut segments = route.template.split('/');
            let first = segments.next().unwrap_or_default();
            let rest = segments.map(Segment::of).collect();
            table.entry(format!("{}/{first}", route.version.path())).or_default().push(Entry { route, rest });
        }
        Table(table)
    }

    /// The route for a method and a cleaned path; `None` when there is none.
    ///
    /// # Errors
    /// A parameter that can't be unescaped, in words.
    pub(crate) fn find(&self, method: &str, path: &str) -> Result<Option<Found>, String> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut slashes = path.match_indices('/').map(|(at, _)| at);
        let (begin, rest) = match (slashes.next(), slashes.next()) {
            (Some(_), Some(at)) => (path.get(..at), path.get(at + 1..)),
            _ => (Some(path), None),
        };
        let Some(entries) = begin.and_then(|begin| self.0.get(begin)) else { return Ok(None) };
        for Entry { route, rest: segments } in entries {
            if !route.methods.is_empty() && !route.methods.contains(&method) {
                continue;
            }
            if let Some(values) = values(segments, rest) {
                return Ok(Some(Found { route, params: unescaped(values)? }));
            }
        }
        Ok(None)
    }
}

impl Segment {
    fn of(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Parameter(name),
            None if text == REST => Segment::Rest,
            None => Segment::Literal(text),
        }
    }
}

type Values<'a> = Vec<(&'static str, &'a str)>;

/// The values of parameters when the path fits.
fn values<'a>(segments: &[Segment], path: Option<&'a str>) -> Option<Values<'a>> {
    let mut values = Values::new();
    let mut path = path;
    for segment in segments {
        let text = path?;
        if let Segment::Rest = segment {
            values.push((REST, text));
            return Some(values);
        }
        let (next, others) = match text.split_once('/') {
            Some((next, others)) => (next, Some(others)),
            None => (text, None),
        };
        match segment {
            Segment::Literal(literal) if *literal != next => return None,
            Segment::Parameter(name) => values.push((name, next)),
            Segment::Literal(_) | Segment::Rest => {}
        }
        path = others;
    }
    path.is_none().then_some(values)
}

fn unescaped(values: Values<'_>) -> Result<Vec<(&'static str, String)>, String> {
    let each = |(name, value): (&'static str, &str)| match path::unescape(value) {
        Ok(value) => Ok((name, value.into_owned())),
        Err(error) => Err(format!("failed to unescape request parameter {name:?}. Error: {error}")),
    };
    values.into_iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use mecha_config::runtime::Settings;
    use mecha_config::runtime::settings::ApiRule;

    use super::*;

    fn find(table: &Table, method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        let found = table.find(method, path).unwrap()?;
        Some((found.route.name, found.params.into_iter().map(|(_, value)| value).collect()))
    }

    #[test]
    fn routes_are_told_by_path_and_method() {
        let table = super::super::open(&Settings::default());
        let params = |values: &[&str]| values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        for (method, path, name, values) in [
            ("GET", "/v1.0/state/s/k", "GetState", params(&["s", "k"])),
            ("GET", "/v1.0/state/s/bulk", "GetState", params(&["s", "bulk"])),
            ("POST", "/v1.0/state/s/bulk", "GetBulkState", params(&["s"])),
            ("PUT", "/v1.0/state/s", "SaveState", params(&["s"])),
            ("GET", "/v1.0/state/s/a%2Fb+c", "GetState", params(&["s", "a/b c"])),
            ("POST", "/v1.0/publish/p/a/b", "PublishEvent", params(&["p", "a/b"])),
            ("POST", "/v1.0/publish/bulk/p/t", "BulkPublishEvent", params(&["p", "t"])),
            ("POST", "/v1.0/publish/bulk/t", "PublishEvent", params(&["bulk", "t"])),
            ("GET", "/v1.0/healthz", "Healthz", params(&[])),
            ("GET", "/v1.0/healthz/outbound", "HealthzOutbound", params(&[])),
            ("TRACE", "/v1.0/invoke/a/method/m", "InvokeService", params(&["a/method/m"])),
        ] {
            assert_eq!(find(&table, method, path), Some((name, values)), "{method} {path}");
        }
        for (method, path) in [
            ("POST", "/v1.0/state/s/k"),
            ("GET", "/v1.0/state/s/k/x"),
            ("GET", "/v2.0/state/s/k"),
            ("POST", "/v1.0/publish/p"),
            ("GET", "/"),
        ] {
            assert_eq!(find(&table, method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn closed_routes_are_no_routes() {
        let rule =
            |version: &str, name: &str, grpc| ApiRule { name: name.into(), version: version.into(), grpc };
        let allowed = Settings { api_allowed: vec![rule("v1", "state", false)], ..Settings::default() };
        let table = super::super::open(&allowed);
        assert!(find(&table, "GET", "/v1.0/state/s/k").is_some());
        assert!(find(&table, "GET", "/v1.0/healthz").is_some());
        assert!(find(&table, "POST", "/v1.0-alpha1/state/s/query").is_none());
        assert!(find(&table, "POST", "/v1.0/publish/p/t").is_none());
        let denied = [rule("v1.0", "state", false), rule("v1", "publish", true)].into();
        let table = super::super::open(&Settings { api_denied: denied, ..Settings::default() });
        assert!(find(&table, "GET", "/v1.0/state/s/k").is_none());
        assert!(find(&table, "POST", "/v1.0/publish/p/t").is_some());
    }
}

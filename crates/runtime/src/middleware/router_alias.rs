//! `middleware.http.routeralias`: other names for paths. A pattern such as `/orders/{id}/info` leads to a path of the
//! API; what `{id}` stands for takes its place in that path, or becomes a query parameter where it is not named there.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::PathAndQuery;
use mecha_component::Error;

use super::{Making, Middleware, Next, Request, Response};

struct RouterAlias(Vec<Alias>);

/// A pattern and where it leads.
struct Alias {
    pattern: Vec<Segment>,
    target: String,
}

enum Segment {
    Literal(String),
    Variable(String),
}

pub(super) fn make(making: &Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>> {
    let routes = making.properties.required("routes")?;
    Ok(Arc::new(RouterAlias(aliases(routes)?)))
}

/// Reads a JSON object, or lines of `pattern: target`.
fn aliases(routes: &str) -> mecha_component::Result<Vec<Alias>> {
    let wrong = |what: &str| Error::configuration(format!("routes: {what}"));
    let pairs: Vec<(String, String)> = if routes.trim_start().starts_with('{') {
        let read: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(routes).map_err(|error| wrong(&error.to_string()))?;
        let text = |(pattern, target): (String, serde_json::Value)| match target {
            serde_json::Value::String(target) => Ok((pattern, target)),
            other => Err(wrong(&format!("`{pattern}` leads to {other}, which is no path"))),
        };
        read.into_iter().map(text).collect::<Result<_, _>>()?
    } else {
        let lines = routes.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let pair = |line: &str| {
            let (pattern, target) =
                line.split_once(": ").ok_or_else(|| wrong(&format!("`{line}` has no `: `")))?;
            let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
            Ok((bare(pattern), bare(target)))
        };
        lines.map(pair).collect::<Result<_, Error>>()?
    };
    Ok(pairs.into_iter().map(|(pattern, target)| Alias::new(&pattern, target)).collect())
}

impl Middleware for RouterAlias {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        let target = self.0.iter().find_map(|alias| alias.target(request.uri()));
        if let Some(target) = target.and_then(|target| target.parse::<PathAndQuery>().ok()) {
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            parts.path_and_query = Some(target);
            *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        }
        next.run(request)
    }
}

impl Alias {
    fn new(pattern: &str, target: String) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Variable(name.to_owned()),
            None => Segment::Literal(text.to_owned()),
        };
        Alias { pattern: pattern.trim_matches('/').split('/').map(segment).collect(), target }
    }

    /// Where this path leads; `None` when the pattern does not fit.
    fn target(&self, uri: &Uri) -> Option<String> {
        let mut segments = uri.path().trim_matches('/').split('/');
        let mut target = self.target.clone();
        let mut query: Vec<String> = Vec::new();
        for expected in &self.pattern {
            let found = segments.next()?;
            match expected {
                Segment::Literal(text) if text == found => {}
                Segment::Literal(_) => return None,
                Segment::Variable(name) => {
                    let named = format!("{{{name}}}");
                    if target.contains(&named) {
                        target = target.replace(&named, found);
                    } else {
                        query.push(format!("{name}={found}"));
                    }
                }
            }
        }
        if segments.next().is_some() {
            return None;
        }
        query.extend(uri.query().map(str::to_owned));
        if !query.is_empty() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&query.join("&"));
        }
        Some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(routes: &str, path: &str) -> Option<String> {
        let aliases = aliases(routes).unwrap();
        aliases.iter().find_map(|alias| alias.target(&path.parse().unwrap()))
    }

    #[test]
    fn patterns_lead_to_paths_with_their_variables() {
        let routes = r#"{
            "/mall/info": "/v1.0/invoke/srv/method/mall/info",
            "/hello/{id}/user": "/v1.0/invoke/srv/method/hello/user?x=1",
            "/put/{id}": "/v1.0/state/store/{id}"
        }"#;
        assert_eq!(led(routes, "/mall/info").unwrap(), "/v1.0/invoke/srv/method/mall/info");
        let user = led(routes, "/hello/7/user?a=b").unwrap();
        assert_eq!(user, "/v1.0/invoke/srv/method/hello/user?x=1&id=7&a=b");
        assert_eq!(led(routes, "/put/7").unwrap(), "/v1.0/state/store/7");
        assert_eq!(led(routes, "/hello/7"), None);
        assert_eq!(led(routes, "/hello/7/user/more"), None);
    }

    #[test]
    fn lines_are_read_as_well_and_mistakes_named() {
        assert_eq!(led("\n# alias\n\"/a\": /v1.0/metadata\n", "/a").unwrap(), "/v1.0/metadata");
        assert!(aliases("/a /b").err().unwrap().message().contains("`/a /b` has no `: `"));
        assert!(aliases("{\"/a\": 1}").err().unwrap().message().contains("`/a` leads to 1"));
    }
}

//! Answers that are given here: direct responses and redirects.

use bytes::Bytes;
use mecha_config::route::{DirectResponse, Redirect};
use mecha_http::{RequestHead, StatusCode};

/// A `direct_response`.
#[derive(Clone, Debug)]
pub struct DirectReply {
    /// 200 to 599.
    pub status: StatusCode,
    /// Text.
    pub body: Bytes,
}

impl DirectReply {
    pub(crate) fn build(direct: &DirectResponse) -> Self {
        let status = StatusCode::from_u16(direct.status).unwrap_or(StatusCode::OK);
        DirectReply { status, body: direct.body.clone().into() }
    }
}

/// A `redirect`.
#[derive(Clone, Debug)]
pub struct RedirectPlan {
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    path: Option<Box<str>>,
    host: Option<Box<str>>,
    scheme: Option<Box<str>>,
}

impl RedirectPlan {
    pub(crate) fn build(redirect: &Redirect) -> Self {
        let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(Box::from);
        RedirectPlan {
            status: StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::MOVED_PERMANENTLY),
            path: text(&redirect.path),
            host: text(&redirect.host),
            scheme: redirect.scheme.as_deref().map(|scheme| scheme.to_ascii_lowercase().into()),
        }
    }

    /// The `Location` for a request that came in by `scheme`. What the route does not replace is the request's own: host,
    /// path and query. A path that brings a query replaces that too. When the scheme changes, a port that was
    /// the default of the old one is dropped. Without any host (HTTP/1.0) it is a path.
    pub fn location(&self, head: &RequestHead, scheme: &str) -> String {
        let new_scheme = self.scheme.as_deref().filter(|new| !new.is_empty()).unwrap_or(scheme);
        let own_host = match (scheme, new_scheme != scheme) {
            ("http", true) => head.authority.strip_suffix(":80").unwrap_or(&head.authority),
            ("https", true) => head.authority.strip_suffix(":443").unwrap_or(&head.authority),
            _ => &head.authority,
        };
        let host = self.host.as_deref().unwrap_or(own_host);
        let path = self.path.as_deref().unwrap_or(head.path());
        let mut location = String::with_capacity(host.len() + head.target.len() + path.len() + 16);
        if !host.is_empty() {
            location.extend([new_scheme, "://", host]);
        }
        if !path.starts_with('/') {
            location.push('/');
        }
        location.push_str(path);
        if let Some(query) = head.query().filter(|_| !path.contains('?')) {
            location.extend(["?", query]);
        }
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::request;

    #[test]
    fn where_a_client_is_sent() {
        // path, host, scheme of the route; authority and target of the request that came in by "http"
        let cases = [
            ([None, None, Some("https")], ("a.test:80", "/x?q=1"), "https://a.test/x?q=1"),
            ([None, None, Some("HTTPS")], ("a.test:8080", "/x"), "https://a.test:8080/x"),
            ([None, None, Some("http")], ("a.test:80", "/x"), "http://a.test:80/x"),
            ([None, None, Some("https")], ("[::1]:80", "/"), "https://[::1]/"),
            ([None, Some("b.test"), None], ("a.test:80", "/x?"), "http://b.test/x?"),
            ([None, Some("b.test:80"), Some("https")], ("a.test", "/x"), "https://b.test:80/x"),
            ([Some("/new"), None, None], ("a.test", "/old?q=1&r"), "http://a.test/new?q=1&r"),
            ([Some("/new?own=1"), None, None], ("a.test", "/old?q=1"), "http://a.test/new?own=1"),
            ([Some("new"), None, None], ("a.test", "/old"), "http://a.test/new"),
            ([Some("/new"), Some(""), None], ("", "/old?q"), "/new?q"),
        ];
        for ([path, host, scheme], (authority, target), location) in cases {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let redirect =
                Redirect { status: 302, path: owned(path), host: owned(host), scheme: owned(scheme) };
            let head = request(authority, target, &[]);
            assert_eq!(RedirectPlan::build(&redirect).location(&head, "http"), location);
        }
        let secure = RedirectPlan::build(&Redirect { scheme: Some("http".into()), ..Redirect::default() });
        assert_eq!(secure.location(&request("a.test:443", "/", &[]), "https"), "http://a.test/");
        assert_eq!(secure.status, 301);
    }
}

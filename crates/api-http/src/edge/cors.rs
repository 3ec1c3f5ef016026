//! Cross-origin calls from browsers (`--allowed-origins`), by the Fetch standard's CORS protocol.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use mecha_runtime::Body;

use crate::reply::{self, Reply};

const METHODS: [Method; 6] =
    [Method::HEAD, Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
const ANY: HeaderValue = HeaderValue::from_static("*");
const VARY_PREFLIGHT: [&str; 3] =
    ["origin", "access-control-request-method", "access-control-request-headers"];

/// The origins that may call.
pub(crate) enum Cors {
    /// Every one.
    All,
    /// These, in lower case; a `*` stands for any text.
    Some(Vec<String>),
}

impl Cors {
    /// `None` when browsers of no other origin may call.
    pub(crate) fn new(origins: &[String]) -> Option<Self> {
        match origins {
            [] => None,
            origins if origins.iter().any(|origin| origin.trim() == "*") => Some(Cors::All),
            origins => Some(Cors::Some(origins.iter().map(|it| it.trim().to_ascii_lowercase()).collect())),
        }
    }

    /// The answer to a preflight request; `None` when it is none.
    pub(crate) fn preflight(&self, head: &Parts) -> Option<Reply> {
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|method| !method.is_empty());
        if head.method != Method::OPTIONS || method.is_none() {
            return None;
        }
        let mut answer = reply::status(StatusCode::OK, Body::empty());
        let headers = answer.headers_mut();
        for name in VARY_PREFLIGHT {
            headers.append(VARY, HeaderValue::from_static(name));
        }
        if let (Some(origin), Some(method)) =
            (self.allowed(head), method.filter(|it| is_allowed(it.as_bytes())))
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
            if let Some(names) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
        }
        Some(answer)
    }

    /// The value of `access-control-allow-origin` for a request that is no preflight; `None` when it may not be read.
    pub(crate) fn origin(&self, head: &Parts) -> Option<HeaderValue> {
        self.allowed(head).filter(|_| is_allowed(head.method.as_str().as_bytes()))
    }

    fn allowed(&self, head: &Parts) -> Option<HeaderValue> {
        let origin = head.headers.get(ORIGIN).filter(|origin| !origin.is_empty())?;
        match self {
            Cors::All => Some(ANY),
            Cors::Some(origins) => {
                let text = origin.to_str().ok()?.to_ascii_lowercase();
                origins.iter().any(|pattern| is_match(pattern, &text)).then(|| origin.clone())
            }
        }
    }
}

/// Adds what a browser wants to see.
pub(crate) fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

fn is_allowed(method: &[u8]) -> bool {
    let is_method = |known: &Method| known.as_str().as_bytes().eq_ignore_ascii_case(method);
    method.eq_ignore_ascii_case(b"OPTIONS") || METHODS.iter().any(is_method)
}

fn is_match(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == origin,
        Some((begin, end)) => {
            origin.len() >= begin.len() + end.len() && origin.starts_with(begin) && origin.ends_with(end)
        }
    }
}

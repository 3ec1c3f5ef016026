//! Requests to an HTTP application: addressed to it, with what a broker says as headers.

use std::collections::BTreeMap;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::body::Body;
use crate::error::ApiError;

/// Tells the application which component a message came by.
pub(super) const PUBSUB_NAME: HeaderName = HeaderName::from_static("pubsubname");
/// What belongs to the request itself, whatever a broker says.
const OWN: [HeaderName; 8] =
    [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// `host:port`, with brackets around IPv6.
pub(crate) fn authority(address: &str, port: u16) -> String {
    let is_bare_v6 = address.contains(':') && !address.starts_with('[');
    if is_bare_v6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// A request for a path, with or without its first slash.
pub(super) fn build(method: Method, path: &str, body: Body) -> Result<Request<Body>, ApiError> {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let request = Request::builder().method(method).uri(&path).body(body);
    request.map_err(|error| ApiError::internal(format!("the application has no path {path:?}: {error}")))
}

/// Sends a request to the application, whatever authority it had.
pub(crate) fn address(request: &mut Request<Body>, authority: &str, is_http2: bool) -> Result<(), ApiError> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let wrong = |error: &dyn std::fmt::Display| {
        ApiError::internal(format!("the application's address {authority:?} can't be used: {error}"))
    };
    parts.authority = Some(authority.parse::<Authority>().map_err(|error| wrong(&error))?);
    parts.scheme = Some(Scheme::HTTP);
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
    }
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| wrong(&error))?;
    *request.version_mut() = if is_http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    request.headers_mut().remove(HOST);
    Ok(())
}

/// Adds what a broker says of a message; what can't be a header is left out.
pub(super) fn add_metadata(headers: &mut HeaderMap, metadata: &BTreeMap<String, String>) {
    for (name, value) in metadata {
        let Ok(name) = HeaderName::try_from(name) else { continue };
        let Ok(value) = HeaderValue::from_str(value) else { continue };
        if !OWN.contains(&name) {
            headers.insert(name, value);
        }
    }
}

//! Heads between `h2`'s types and ours (RFC 9113 section 8).

use bytes::Bytes;
use bytestring::ByteString;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, request, response};
use mecha_base::{Error, Kind, Result};

use crate::body::Length;
use crate::head::{RequestHead, ResponseHead, Version};
use crate::headers::Headers;

/// The head of a request that came in, and what is known of its body.
///
/// # Errors
/// When authority or target are not what HTTP/1 would let through: a request must not gain by the wire it came over.
pub(super) fn request_from(parts: request::Parts, ended: bool) -> Result<(RequestHead, Length)> {
    let mut map = parts.headers;
    let authority = authority_of(&parts.uri, &map)?;
    // One name for one thing: what is left would otherwise become a second Host over HTTP/1.
    map.remove(header::HOST);
    join_cookies(&mut map);
    let connect = parts.method == Method::CONNECT;
    if connect && authority.is_empty() {
        return Err(invalid("CONNECT without an authority"));
    }
    let target = if connect { ByteString::new() } else { target_of(&parts.method, &parts.uri)? };
    let length = if connect { Length::Tunnel } else { length_of(&map, ended) };
    let headers = Headers::from_map(map);
    Ok((
        RequestHead { version: Version::Http2, method: parts.method, authority, target, headers, rpc: None },
        length,
    ))
}

/// `:authority`, or else `Host`; without user information (RFC 9113 section 8.3.1).
fn authority_of(uri: &Uri, map: &HeaderMap) -> Result<ByteString> {
    let authority = match (uri.authority(), map.get(header::HOST)) {
        (Some(authority), _) => ByteString::from(authority.as_str()),
        (None, Some(_)) if map.get_all(header::HOST).iter().nth(1).is_some() => {
            return Err(invalid("more than one Host"));
        }
        (None, Some(host)) if host.is_empty() => ByteString::new(),
        (None, Some(host)) => {
            let host = Authority::try_from(host.as_bytes()).map_err(|_| invalid("malformed Host"))?;
            ByteString::from(host.as_str())
        }
        (None, None) => ByteString::new(),
    };
    if authority.contains('@') { Err(invalid("user information in the authority")) } else { Ok(authority) }
}

/// `:path`: a path, or `*` for OPTIONS (RFC 9113 section 8.3.1).
fn target_of(method: &Method, uri: &Uri) -> Result<ByteString> {
    let target = uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
    if target.starts_with('/') || (target == "*" && *method == Method::OPTIONS) {
        return Ok(ByteString::from(target));
    }
    Err(invalid("the target is no path"))
}

fn invalid(what: &'static str) -> Error {
    Error::downstream(Kind::BadRequest(400), what)
}

/// The head of a response that came in, and what is known of its body.
pub(super) fn response_from(parts: response::Parts, ended: bool) -> (ResponseHead, Length) {
    let length = length_of(&parts.headers, ended);
    let headers = Headers::from_map(parts.headers);
    (ResponseHead { version: Version::Http2, status: parts.status, reason: None, headers, rpc: None }, length)
}

fn length_of(map: &HeaderMap, ended: bool) -> Length {
    if ended {
        return Length::Empty;
    }
    let announced = map.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    announced.map_or(Length::Unknown, Length::Known)
}

/// Cookies may come in crumbs; outside HTTP/2 they are one field (RFC 9113 section 8.2.3).
fn join_cookies(map: &mut HeaderMap) {
    let mut crumbs = map.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        map.insert(header::COOKIE, joined);
    }
}

/// A request as `h2` sends it.
pub(super) fn request_to(head: RequestHead, length: Length) -> Result<Request<()>> {
    let mut parts = http::uri::Parts::default();
    let connect = head.method == Method::CONNECT;
    if !head.authority.is_empty() {
        let authority = Authority::from_maybe_shared(head.authority.into_bytes());
        parts.authority = Some(authority.map_err(|_| invalid("the authority can't be sent over HTTP/2"))?);
    }
    if !connect {
        let target = PathAndQuery::from_maybe_shared(head.target.into_bytes());
        parts.path_and_query = Some(target.map_err(|_| invalid("the target can't be sent over HTTP/2"))?);
        if parts.authority.is_some() {
            parts.scheme = Some(Scheme::HTTP);
        }
    }
    let mut request = Request::new(());
    // `h2` takes a request without an authority (HTTP/1.0 needs no Host) only as one that comes from HTTP/1.
    let named = parts.authority.is_some();
    *request.version_mut() = if named { http::Version::HTTP_2 } else { http::Version::HTTP_11 };
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|_| invalid("the target can't be sent over HTTP/2"))?;
    *request.method_mut() = head.method;
    let mut map = head.headers.into_map();
    map.remove(header::HOST);
    announce(&mut map, length, false);
    *request.headers_mut() = map;
    Ok(request)
}

/// A response as `h2` sends it; `to_head` when it answers a HEAD request.
pub(super) fn response_to(head: ResponseHead, length: Length, to_head: bool) -> Response<()> {
    let mut map = head.headers.into_map();
    let status = head.status;
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        map.remove(header::CONTENT_LENGTH);
    } else {
        announce(&mut map, length, to_head || status == StatusCode::NOT_MODIFIED);
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = http::Version::HTTP_2;
    *response.headers_mut() = map;
    response
}

/// Holds `Content-Length` to what the body will be (RFC 9110 section 8.6, RFC 9113 section 8.1.1); `unsent` when it
/// tells of a body that is not sent.
fn announce(map: &mut HeaderMap, length: Length, unsent: bool) {
    match length {
        Length::Known(length) => {
            let said = map.get(header::CONTENT_LENGTH);
            if said.is_none_or(|said| said.as_bytes() != itoa::Buffer::new().format(length).as_bytes()) {
                map.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
        }
        Length::Empty if unsent => {}
        Length::Empty => {
            if map.get(header::CONTENT_LENGTH).is_some_and(|said| said != "0") {
                map.remove(header::CONTENT_LENGTH);
            }
        }
        Length::Unknown | Length::Tunnel => {
            map.remove(header::CONTENT_LENGTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_become_one_cookie_and_host_is_said_once() {
        let request = Request::get("http://a:1/p?q")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("host", "elsewhere")
            .body(())
            .unwrap();
        let (head, length) = request_from(request.into_parts().0, true).unwrap();
        assert_eq!((&*head.authority, &*head.target), ("a:1", "/p?q"));
        assert_eq!(head.headers.get("cookie"), Some(&b"a=1; b=2"[..]));
        assert!(!head.headers.contains("host"));
        assert_eq!(length, Length::Empty);
    }

    #[test]
    fn a_target_that_http2_forbids_is_an_error() {
        let head = RequestHead {
            version: Version::Http11,
            method: Method::GET,
            authority: ByteString::from_static("a b"),
            target: ByteString::from_static("/"),
            headers: Headers::new(),
            rpc: None,
        };
        assert_eq!(request_to(head, Length::Empty).map(drop).unwrap_err().kind(), Kind::BadRequest(400));
    }
}

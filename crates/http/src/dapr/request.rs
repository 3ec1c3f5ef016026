//! Requests: from HTTP to a message, on the caller's side, and back on the callee's.

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use mecha_base::percent::{Plus, decode, encode_path};
use mecha_base::{Error, Kind, Result};
use mecha_codec::dapr::{Any, HttpExtension, InternalInvokeRequest, InvokeRequest, Verb};

use super::{TYPE_URL, fields};
use crate::head::RequestHead;

/// The field that says which application is called; its runtime does not pass it on.
const DESTINATION: &str = "destination-app-id";

/// A request whose authority is the callee's app id, as a message.
///
/// # Errors
/// 501 for a method that the protocol can't carry.
pub fn request_to(head: &RequestHead) -> Result<InternalInvokeRequest> {
    let verb = Verb::of(head.method.as_str()).ok_or_else(|| {
        let what = format!("the method {} can't be carried to another application", head.method);
        Error::downstream(Kind::BadRequest(501), what)
    })?;
    let mut request = InternalInvokeRequest { ver: 1, ..InternalInvokeRequest::default() };
    let metadata = &mut request.metadata;
    for (name, value) in head.headers.iter() {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if fields::is_sent(&name) {
            fields::put(metadata, &name, value);
        }
    }
    let callee = head.authority.split(['.', ':']).next().unwrap_or_default();
    fields::put(metadata, DESTINATION, callee.as_bytes());
    let path = decode(head.path().as_bytes(), Plus::Literal);
    let text = |name| head.headers.get_str(name).unwrap_or_default().to_owned();
    let type_url = text(TYPE_URL);
    request.message = Some(InvokeRequest {
        method: String::from_utf8_lossy(&path).trim_start_matches('/').to_owned(),
        data: (!type_url.is_empty()).then(|| Any { type_url, ..Any::default() }),
        content_type: text("content-type"),
        http_extension: Some(HttpExtension {
            verb: verb as i32,
            querystring: head.query().unwrap_or_default().to_owned(),
        }),
    });
    Ok(request)
}

/// The request of a message, as the application shall get it.
///
/// # Errors
/// When the message has no call in it, or what it calls can't be sent.
pub fn request_from(request: InternalInvokeRequest) -> std::result::Result<Request<()>, &'static str> {
    let InternalInvokeRequest { metadata, message, .. } = request;
    let message = message.ok_or("the message names no method")?;
    let extension = message.http_extension.unwrap_or_default();
    let mut headers = HeaderMap::new();
    fields::take(metadata, &[DESTINATION, "content-type"], &mut headers);
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, &message.content_type);
    if let Some(data) = &message.data {
        put(header::HeaderName::from_static(TYPE_URL), &data.type_url);
    }
    let mut out = Request::new(());
    let verb = Verb::try_from(extension.verb).map_err(|_| "the verb is unknown")?;
    *out.method_mut() = Method::try_from(verb.method()).map_err(|_| "the verb is unknown")?;
    *out.uri_mut() = uri(&message.method, &extension.querystring)?;
    *out.headers_mut() = headers;
    Ok(out)
}

/// The path of a method.
fn uri(method: &str, query: &str) -> std::result::Result<Uri, &'static str> {
    let mut text = String::with_capacity(method.len() + query.len() + 2);
    text.push('/');
    encode_path(method.trim_start_matches('/'), &mut text);
    if !query.is_empty() {
        text.push('?');
        text.push_str(query);
    }
    text.parse().map_err(|_| "method and query are no path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_or_verb_that_is_unknown_is_no_post() {
        let head = RequestHead {
            version: crate::Version::Http11,
            method: Method::from_bytes(b"PROPFIND").unwrap(),
            authority: "cart".into(),
            target: "/files".into(),
            headers: Default::default(),
            rpc: None,
        };
        assert_eq!(request_to(&head).unwrap_err().kind(), Kind::BadRequest(501));
        let http_extension = Some(HttpExtension { verb: 99, ..HttpExtension::default() });
        let message = Some(InvokeRequest { http_extension, ..InvokeRequest::default() });
        assert!(request_from(InternalInvokeRequest { message, ..Default::default() }).is_err());
    }
}

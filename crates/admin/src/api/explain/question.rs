//! The request that is asked about, from the parameters of the query: one of HTTP by its `url`, one of an RPC protocol by
//! its `service`.

use std::time::Duration;

use bytes::Bytes;
use mecha_codec::http1::Span;
use mecha_codec::rpc::{Envelope, Kind, Protocol};
use mecha_http::{Headers, Method, RequestHead, Version};
use serde_json::{Value, json};

use crate::query::Query;

const KNOWN: [&str; 5] = ["method", "url", "service", "header", "listener"];
const EXAMPLE: &str = "for example ?method=GET&url=http://shop.example/cart&header=x-user:me";

/// What is asked.
pub(super) struct Question<'a> {
    /// The head of the request.
    pub(super) head: RequestHead,
    /// Only on this listener.
    pub(super) listener: Option<&'a str>,
}

/// Reads the question; what is wrong with it otherwise.
pub(super) fn parse(query: &Query) -> Result<Question<'_>, String> {
    if let Some(stranger) = query.stranger(&KNOWN) {
        return Err(format!(
            "there is no parameter \"{stranger}\"; there are {}; {EXAMPLE}",
            KNOWN.join(", ")
        ));
    }
    let listener = query.get("listener").filter(|name| !name.is_empty());
    if let Some(service) = query.get("service") {
        return Ok(Question { head: message(service, query)?, listener });
    }
    let method = query.get("method").filter(|method| !method.is_empty()).unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("\"{method}\" is no method"))?;
    let url = query.get("url").ok_or_else(|| format!("the parameter \"url\" is missing; {EXAMPLE}"))?;
    let (authority, target) = split(url)?;
    let mut headers = Headers::new();
    let mut named = None;
    for header in query.all("header") {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("the header \"{header}\" has no colon; write header=Name:Value"))?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if name == "host" {
            named = Some(value);
        } else {
            headers
                .append(&name, value.as_bytes())
                .map_err(|error| format!("the header \"{header}\": {error}"))?;
        }
    }
    // As on the wire: the host of an absolute URL wins (RFC 9112 section 3.2.2).
    let authority = if authority.is_empty() { named.unwrap_or_default() } else { authority };
    if !authority.is_empty() {
        headers
            .append("host", authority.as_bytes())
            .map_err(|error| format!("the host \"{authority}\": {error}"))?;
    }
    let head = RequestHead {
        version: Version::Http11,
        method,
        authority: authority.into(),
        target: target.into(),
        headers,
        rpc: None,
    };
    Ok(Question { head, listener })
}

/// A message of an RPC protocol as the exchange sees it: `method` is the called one.
fn message(service: &str, query: &Query) -> Result<RequestHead, String> {
    if query.get("url").is_some() {
        return Err(format!(
            "\"url\" asks about HTTP and \"service\" about an RPC protocol; give one; {EXAMPLE}"
        ));
    }
    let mut headers = Headers::new();
    let mut add = |name: &str, value: &str| {
        headers
            .append(name, value.as_bytes())
            .map_err(|error| format!("the header \"{name}: {value}\": {error}"))
    };
    add("service", service)?;
    if let Some(method) = query.get("method").filter(|method| !method.is_empty()) {
        add("method", method)?;
    }
    for header in query.all("header") {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("the header \"{header}\" has no colon; write header=Name:Value"))?;
        add(&name.to_ascii_lowercase(), value.trim())?;
    }
    let authority = service.into();
    let (version, method, target) = (Version::Rpc, Method::POST, "/".into());
    Ok(RequestHead { version, method, authority, target, headers, rpc: Some(nothing_sent()) })
}

/// The frame of a message that was never sent; only that there is one matters.
fn nothing_sent() -> Envelope {
    Envelope {
        raw: Bytes::new(),
        id: 0,
        payload: Span::default(),
        fields_at: Span::default(),
        timeout: Duration::ZERO,
        status: 200,
        code: 0,
        protocol: Protocol::Dubbo,
        kind: Kind::Request,
        serialization: 0,
    }
}

/// Authority, which may be empty, and path with query.
fn split(url: &str) -> Result<(&str, &str), String> {
    if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(format!(
            "the url \"{}\" holds a space or control character; encode it as %25XX",
            url.escape_debug()
        ));
    }
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let rest = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        if url.starts_with('/') || url == "*" {
            return Ok(("", url));
        }
        return Err(format!("the url \"{url}\" begins neither with \"http://\" nor with \"/\""));
    };
    let (authority, target) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
        None => (rest, ""),
    };
    if authority.is_empty() || authority.contains('@') {
        return Err(format!("the url \"{url}\" has no host that a request could name"));
    }
    match target {
        "" => Ok((authority, "/")),
        target if target.starts_with('/') => Ok((authority, target)),
        _ => Err(format!("the url \"{url}\" has no path before its query; write \"/?\"")),
    }
}

impl Question<'_> {
    /// The request as the answer repeats it.
    pub(super) fn shown(&self) -> Value {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = self.head.headers.iter().map(|(name, value)| json!([text(name), text(value)]));
        json!({
            "method": self.head.method.as_str(),
            "authority": &*self.head.authority,
            "target": &*self.head.target,
            "headers": headers.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Result<(String, String, String), String> {
        let query = Query::parse(query).unwrap();
        let head = parse(&query)?.head;
        Ok((head.method.to_string(), head.authority.to_string(), head.target.to_string()))
    }

    #[test]
    fn a_url_is_split_as_a_client_would() {
        let ok = |query: &str| ask(query).unwrap();
        let shown = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(ok("url=http://a:8080/b%3Fc=1%26d"), shown("GET", "a:8080", "/b?c=1&d"));
        assert_eq!(ok("method=POST&url=https://a"), shown("POST", "a", "/"));
        assert_eq!(ok("url=/x%2520y&header=Host:b"), shown("GET", "b", "/x%20y"));
        assert_eq!(ok("url=http://a/&header=host:b"), shown("GET", "a", "/"));
    }

    #[test]
    fn a_message_is_asked_about_by_service_and_method() {
        let query = Query::parse("service=a.B&method=c&header=Group:blue").unwrap();
        let head = parse(&query).unwrap().head;
        assert_eq!((&*head.authority, &*head.target), ("a.B", "/"));
        assert_eq!((head.rpc_service(), head.rpc_method()), (Some(&b"a.B"[..]), Some(&b"c"[..])));
        assert_eq!(head.headers.get("group"), Some(&b"blue"[..]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "\"url\" is missing"),
            ("url=shop/cart", "begins neither"),
            ("url=http:///x", "no host"),
            ("url=http://me@a/", "no host"),
            ("url=http://a?b", "no path"),
            ("url=/a%20b", "control character"),
            ("url=/&method=A%20B", "is no method"),
            ("url=/&header=x", "has no colon"),
            ("url=/&header=a%20b:c", "the header"),
            ("url=/&header=a:b%0Ac", "the header"),
            ("uri=/", "no parameter \"uri\""),
            ("url=/&service=a.B", "give one"),
            ("service=a.B&header=x", "has no colon"),
            ("service=a%0AB", "the header \"service"),
        ];
        for (query, why) in cases {
            let error = ask(query).unwrap_err();
            assert!(error.contains(why), "{query}: {error}");
        }
    }
}

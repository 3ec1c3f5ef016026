//! The four forms of a request target (RFC 9112 section 3.2), taken apart into authority and origin form.

use bytes::Bytes;
use bytestring::ByteString;
use http::Method;
use mecha_base::{Error, Kind, Result};
use mecha_codec::http1::{Field, HeaderId, Span};

/// The authority, and path with query. An absolute target overrides `Host`; a CONNECT target is an authority. An
/// absolute target without a path stands for `/`, with OPTIONS for the server as a whole (RFC 9112 section 3.2.4).
pub(super) fn split_target(
    text: &Bytes,
    target: Span,
    fields: &[Field],
    method: &Method,
) -> Result<(ByteString, ByteString)> {
    let target = utf8(text.slice(target.range()))?;
    if *method == Method::CONNECT {
        return Ok((target, ByteString::new()));
    }
    if !target.starts_with('/')
        && let Some((_, rest)) = target.split_once("://")
    {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let path = match path.as_bytes().first() {
            None if *method == Method::OPTIONS => ByteString::from_static("*"),
            None => ByteString::from_static("/"),
            Some(b'/') => target.slice_ref(path),
            Some(_) => ByteString::from(format!("/{path}")),
        };
        return Ok((target.slice_ref(authority), path));
    }
    let authority = match fields.iter().find(|field| field.id == HeaderId::Host) {
        Some(host) => utf8(text.slice(host.value.range()))?,
        None => ByteString::new(),
    };
    Ok((authority, target))
}

fn utf8(bytes: Bytes) -> Result<ByteString> {
    ByteString::try_from(bytes)
        .map_err(|_| Error::downstream(Kind::BadRequest(400), "target or Host is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(method: &str, target: &str, host: &str) -> (String, String) {
        let text = Bytes::from(format!("{target} Host: {host}"));
        let span = |at: usize, len: usize| Span { at: at as u32, len: len as u32 };
        let at = target.len() + 1;
        let field = Field { name: span(at, 4), value: span(at + 6, host.len()), id: HeaderId::Host };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (authority, path) = split_target(&text, span(0, target.len()), &[field], &method).unwrap();
        (authority.to_string(), path.to_string())
    }

    #[test]
    fn every_form_names_authority_and_path() {
        let owned = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(split("GET", "/a%20b?c=d", "h:1"), owned("h:1", "/a%20b?c=d"));
        assert_eq!(split("GET", "http://x:2/p?q", "h"), owned("x:2", "/p?q"));
        assert_eq!(split("GET", "http://x", "h"), owned("x", "/"));
        assert_eq!(split("GET", "http://x?q", "h"), owned("x", "/?q"));
        assert_eq!(split("CONNECT", "x:443", "h"), owned("x:443", ""));
        assert_eq!(split("OPTIONS", "*", "h"), owned("h", "*"));
        assert_eq!(split("OPTIONS", "http://x", "h"), owned("x", "*"));
        assert_eq!(split("OPTIONS", "http://x/", "h"), owned("x", "/"));
        assert_eq!(split("GET", "/to?u=http://y/", "h"), owned("h", "/to?u=http://y/"));
    }
}

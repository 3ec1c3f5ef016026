//! The method of an invocation: a path that is decoded, cleaned and checked, so that what an access policy judges is what
//! the application gets.

use http::Uri;
use mecha_base::path;
use mecha_base::percent::{Plus, decode, encode_path};

/// The method of a path: decoded, with neither empty segments nor `.` nor `..`, without slashes around it.
///
/// # Errors
/// When it holds control characters, `#` or `?`, or is no text.
pub(crate) fn normalize(path: &str) -> Result<String, String> {
    let decoded = decode(path.as_bytes(), Plus::Literal);
    let method = std::str::from_utf8(&decoded).map_err(|_| format!("method is not UTF-8: {path:?}"))?;
    let method = method.trim_start_matches('/');
    if method.contains(['#', '?', '\0']) {
        return Err(format!("method contains forbidden character: {method:?}"));
    }
    if let Some(at) = method.bytes().position(|byte| byte < 0x20 || byte == 0x7f) {
        return Err(format!("method contains control character at position {at}: {method:?}"));
    }
    Ok(path::clean(method).trim_start_matches('/').to_owned())
}

/// The path of a method below `base` (which has no slash at its end), with the query as it was sent.
///
/// # Errors
/// When the query can't stand in a URI.
pub(crate) fn uri(base: &str, method: &str, query: Option<&str>) -> Result<Uri, String> {
    let mut text = String::with_capacity(base.len() + method.len() + 1 + query.map_or(0, str::len));
    text.push_str(base);
    text.push('/');
    encode_path(method, &mut text);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        text.push('?');
        text.push_str(query);
    }
    text.parse().map_err(|error| format!("{text:?} is no path: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_decoded_and_cleaned_before_anybody_judges_it() {
        let cases = [
            ("/orders/1", "orders/1"),
            ("//orders//./1/", "orders/1"),
            ("/a/../b", "b"),
            ("/../../etc", "etc"),
            ("/a%2Fb", "a/b"),
            ("/admin%2F..%2Fpublic", "public"),
            ("/a%20b+c", "a b+c"),
            ("/", ""),
        ];
        for (path, method) in cases {
            assert_eq!(normalize(path).as_deref(), Ok(method), "{path}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for path in ["/a%23b", "/a%3Fb", "/a%00", "/a%0d%0ab", "/%7f", "/%ff"] {
            assert!(normalize(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_method_becomes_a_path_again() {
        let table =
            [("a b/ü", None, "/a%20b/%C3%BC"), ("a%20b", Some("x=%2F&y"), "/a%20b?x=%2F&y"), ("", None, "/")];
        for (method, query, path) in table {
            assert_eq!(uri("", method, query).unwrap().to_string(), path);
        }
        assert_eq!(uri("/base", "100%", None).unwrap().to_string(), "/base/100%25");
    }
}

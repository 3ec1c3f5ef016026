//! Paths and queries as Go's servers read them (reference 1.1): cleaned while still escaped, parameters unescaped as
//! those of a query are.

use std::borrow::Cow;

/// A percent sign that is not followed by two hexadecimal digits; the text is Go's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadEscape(String);

impl std::fmt::Display for BadEscape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "invalid URL escape {:?}", self.0)
    }
}

/// The path without empty segments, `.` and `..`, and without a slash at its end (but `/` stays).
pub(crate) fn clean(path: &str) -> Cow<'_, str> {
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    let is_clean = |rest: &str| !rest.split('/').any(is_odd);
    if path == "/" || path.strip_prefix('/').is_some_and(is_clean) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

/// Decodes `%XX`, and `+` as a space. Bytes that are no UTF-8 become replacement characters.
///
/// # Errors
/// A percent sign without two hexadecimal digits.
pub(crate) fn unescape(text: &str) -> Result<Cow<'_, str>, BadEscape> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let Some((byte, others)) = hexadecimal(others) else {
                    let shown = others.get(..2).unwrap_or(others);
                    return Err(BadEscape(format!("%{}", String::from_utf8_lossy(shown))));
                };
                bytes.push(byte);
                rest = others;
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

fn hexadecimal(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4 | digit(low)?, rest))
}

/// Names and values of a query, in their order; pairs that can't be read are left out.
pub(crate) fn query(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((unescape(name).ok()?, unescape(value).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in [
            ("/", "/"),
            ("/v1.0/healthz", "/v1.0/healthz"),
            ("/v1.0/healthz/", "/v1.0/healthz"),
            ("//v1.0//state/./s/../t", "/v1.0/state/t"),
            ("/../..", "/"),
            ("/a%2F%2Fb", "/a%2F%2Fb"),
            ("*", "/*"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn parameters_are_unescaped_as_those_of_a_query() {
        assert_eq!(unescape("a%2Fb+c%20d").unwrap(), "a/b c d");
        assert_eq!(unescape("plain").unwrap(), "plain");
        assert_eq!(unescape("100%zz").unwrap_err().to_string(), "invalid URL escape \"%zz\"");
        assert_eq!(unescape("%4").unwrap_err().to_string(), "invalid URL escape \"%4\"");
    }

    #[test]
    fn a_query_is_read_pair_by_pair() {
        let read: Vec<_> = query("a=1&&b&c=x+y&d=%zz&e=%3D").collect();
        let read: Vec<_> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, [("a", "1"), ("b", ""), ("c", "x y"), ("e", "=")]);
    }
}

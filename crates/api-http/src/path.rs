//! Parameters of paths and queries as Go's servers read them (reference 1.1): those of a path are unescaped as those of a
//! query are.

use std::borrow::Cow;

use mecha_base::percent::{BadEscape, Plus, decode_strict};

/// Decodes `%XX`, and `+` as a space. Bytes that are no UTF-8 become replacement characters.
///
/// # Errors
/// A percent sign without two hexadecimal digits.
pub(crate) fn unescape(text: &str) -> Result<Cow<'_, str>, BadEscape> {
    Ok(match decode_strict(text.as_bytes(), Plus::Space)? {
        // What was not decoded is the text.
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    })
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

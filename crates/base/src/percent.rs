//! Percent-encoding done and undone (RFC 3986 section 2.1), for everything that looks into a URL or writes one: queries,
//! parameters and methods of APIs, the variables of the access log, messages of gRPC. Routing does not: it compares bytes as
//! they were sent.

use std::borrow::Cow;
use std::fmt;

/// What a `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Itself, as in a path.
    Literal,
    /// A space, as in the query of a form (WHATWG URL section 5.1).
    Space,
}

/// Adds `text` with every byte that `keep` does not want written as an escape.
pub fn encode(text: &[u8], keep: impl Fn(u8) -> bool, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        if byte.is_ascii() && keep(*byte) {
            out.push(char::from(*byte));
            continue;
        }
        out.push('%');
        for digit in [byte >> 4, byte & 0xf] {
            out.extend(DIGITS.get(usize::from(digit)).map(|digit| char::from(*digit)));
        }
    }
}

/// Adds a path that was decoded: what can't stand in one (RFC 3986 section 3.3) is escaped. An escape that is there stays,
/// for some senders do not decode their paths.
pub fn encode_path(path: &str, out: &mut String) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
    for (number, part) in path.split('%').enumerate() {
        if number > 0 {
            out.push_str(if escaped(part.as_bytes()).is_some() { "%" } else { "%25" });
        }
        encode(part.as_bytes(), plain, out);
    }
}

/// The decoded bytes. A `%` without two hexadecimal digits behind it stays as it is.
pub fn decode(text: &[u8], plus: Plus) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| *byte == b'%' || (plus == Plus::Space && *byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let (byte, behind) = match first {
            b'%' => escaped(tail).unwrap_or((b'%', tail)),
            b'+' if plus == Plus::Space => (b' ', tail),
            byte => (*byte, tail),
        };
        out.push(byte);
        rest = behind;
    }
    Cow::Owned(out)
}

/// A `%` without two hexadecimal digits behind it: that, and what stands in their place. The words are Go's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEscape(String);

impl fmt::Display for BadEscape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid URL escape {:?}", self.0)
    }
}

impl std::error::Error for BadEscape {}

/// The decoded bytes.
///
/// # Errors
/// When a `%` has no two hexadecimal digits behind it.
pub fn decode_strict(text: &[u8], plus: Plus) -> Result<Cow<'_, [u8]>, BadEscape> {
    let signs = text.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    for behind in signs.filter_map(|(at, _)| text.get(at + 1..)) {
        if escaped(behind).is_none() {
            let shown = behind.get(..2).unwrap_or(behind);
            return Err(BadEscape(format!("%{}", String::from_utf8_lossy(shown))));
        }
    }
    Ok(decode(text, plus))
}

/// The byte that the two digits at the start of `text` stand for, and what comes behind them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], behind) = text.split_first_chunk::<2>()?;
    Some((digit(*high)? << 4 | digit(*low)?, behind))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<u8> {
        decode(text.as_bytes(), Plus::Literal).into_owned()
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(path("/a%20b%2Fc%2f%C3%BC+d"), "/a b/c/\u{fc}+d".as_bytes());
        assert_eq!(path("%00%ff"), b"\x00\xff");
        assert_eq!(decode(b"a+b%2B", Plus::Space), b"a b+".as_slice());
        assert!(matches!(decode(b"/plain+", Plus::Literal), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text = "a b/\u{fc}%\n~";
        let mut encoded = String::new();
        encode(text.as_bytes(), |byte| byte.is_ascii_alphanumeric() || byte == b'~', &mut encoded);
        assert_eq!(encoded, "a%20b%2F%C3%BC%25%0A~");
        assert_eq!(path(&encoded), text.as_bytes());
    }

    #[test]
    fn a_path_keeps_the_escapes_it_has() {
        for (text, encoded) in
            [("a b/\u{fc}", "a%20b/%C3%BC"), ("a%20b?#", "a%20b%3F%23"), ("100%/%zz", "100%25/%25zz")]
        {
            let mut out = String::new();
            encode_path(text, &mut out);
            assert_eq!(out, encoded);
        }
    }

    #[test]
    fn an_escape_is_not_decoded_twice() {
        assert_eq!(path("%2541"), b"%41");
        assert_eq!(path("%%341"), b"%41");
    }

    #[test]
    fn what_is_no_escape_stays_or_is_refused() {
        for text in ["%", "a%4", "%zz", "%+1", "%4%41", "100%"] {
            assert!(decode_strict(text.as_bytes(), Plus::Literal).is_err(), "{text}");
        }
        assert_eq!(path("100%"), b"100%");
        assert_eq!(path("%zz%41"), b"%zzA");
        assert_eq!(decode_strict(b"a%41", Plus::Literal).as_deref(), Ok(b"aA".as_slice()));
        let bad = decode_strict(b"100%zz", Plus::Literal).unwrap_err();
        assert_eq!(bad.to_string(), "invalid URL escape \"%zz\"");
    }
}

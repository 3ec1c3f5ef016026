//! Values in a column of text: JSON stands there as it is and can be asked by SQL, anything else in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mecha_component::{Error, Result};
use serde::de::IgnoredAny;

/// The text of a value, and whether that is base64.
pub(super) fn encode(value: &Bytes) -> (String, bool) {
    if serde_json::from_slice::<IgnoredAny>(value).is_ok()
        && let Ok(text) = std::str::from_utf8(value)
    {
        return (text.to_owned(), false);
    }
    (STANDARD.encode(value), true)
}

/// The value of a row.
pub(super) fn decode(text: String, is_binary: bool) -> Result<Bytes> {
    if !is_binary {
        return Ok(Bytes::from(text));
    }
    let wrong = |error| Error::internal(format!("the row says that it is binary, but is no base64: {error}"));
    STANDARD.decode(text).map(Bytes::from).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_text_and_the_rest_becomes_base64() {
        for (value, text, is_binary) in [
            (&b"{\"a\": [1]}"[..], "{\"a\": [1]}", false),
            (b"\"text\"", "\"text\"", false),
            (b"42", "42", false),
            (b"no JSON", "bm8gSlNPTg==", true),
            (b"\xff\x00", "/wA=", true),
            (b"\"\xff\"", "Iv8i", true),
            (b"", "", true),
        ] {
            let encoded = encode(&Bytes::copy_from_slice(value));
            assert_eq!(encoded, (text.to_owned(), is_binary));
            assert_eq!(decode(encoded.0, encoded.1).unwrap(), value);
        }
    }
}

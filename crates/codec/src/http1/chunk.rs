//! The line before each chunk: `chunk-size [ chunk-ext ] CRLF` (RFC 9112 section 7.1).

use super::ParseError;

/// A size has at most 16 digits, leading zeros included.
const MAX_DIGITS: usize = 16;

/// Reads the chunk line at the start of `buf`: its length with CRLF, and the chunk's size. `None` means that
/// more bytes are needed. `limit` is the longest line without CRLF.
pub(crate) fn parse_chunk_line(buf: &[u8], limit: usize) -> Result<Option<(usize, u64)>, ParseError> {
    let mut size = 0_u64;
    let mut digits = 0;
    for &byte in buf {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => break,
        };
        digits += 1;
        if digits > MAX_DIGITS {
            return Err(TOO_LARGE);
        }
        size = size << 4 | u64::from(digit);
    }
    if size > i64::MAX as u64 {
        return Err(TOO_LARGE);
    }
    if digits > limit {
        return Err(LINE_TOO_LONG);
    }
    match buf.get(digits..).unwrap_or_default() {
        [] => Ok(None),
        _ if digits == 0 => Err(ParseError::bad("chunk size without a hexadecimal digit")),
        [b'\r', b'\n', ..] => Ok(Some((digits + 2, size))),
        [b'\r'] => Ok(None),
        [b';' | b' ' | b'\t', ..] => {
            Ok(skip_extensions(buf, digits, limit)?.map(|line_len| (line_len, size)))
        }
        [b'\r' | b'\n', ..] => Err(LINE_END),
        _ => Err(ParseError::bad("invalid byte in a chunk size")),
    }
}

/// Finds the end of a line with extensions, which are dropped (RFC 9112 section 7.1.1). White space may only stand
/// around the semicolon.
#[cold]
fn skip_extensions(buf: &[u8], digits: usize, limit: usize) -> Result<Option<usize>, ParseError> {
    let mut introduced = false;
    for (at, &byte) in buf.iter().enumerate().skip(digits) {
        match byte {
            b'\r' | b'\n' if !introduced => return Err(ParseError::bad("white space after a chunk size")),
            b'\r' => {
                return match buf.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some(at + 2)),
                    Some(_) => Err(LINE_END),
                };
            }
            _ if at >= limit => return Err(LINE_TOO_LONG),
            b';' => introduced = true,
            b' ' | b'\t' => {}
            b'\n' => return Err(LINE_END),
            _ if !introduced => return Err(ParseError::bad("invalid byte in a chunk size")),
            0..=31 | 127 => return Err(ParseError::bad("control byte in a chunk extension")),
            _ => {}
        }
    }
    Ok(None)
}

const TOO_LARGE: ParseError = ParseError::bad("chunk size overflows");
const LINE_TOO_LONG: ParseError = ParseError::bad("chunk line with its extensions is longer than its limit");
const LINE_END: ParseError = ParseError::bad("chunk line does not end in CRLF");

//! Makes bytes that came from outside safe to stand in a log line: nothing in a header may end the line, move a
//! terminal's cursor or close a quote around the value.

use std::fmt::Write;

/// Appends a value of an access log. Control characters (ASCII, C1, the Unicode line and paragraph separators),
/// bytes that are no UTF-8, the double quote and the backslash become `\xNN` per byte, as nginx writes them; so a
/// value in quotes ends where its quote ends.
pub(crate) fn value(bytes: &[u8], out: &mut String) {
    // Nearly every value is plain; those are copied whole.
    if bytes.iter().all(|b| matches!(b, b' '..=b'~' if *b != b'"' && *b != b'\\')) {
        out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_unsafe(c) || c == '"' || c == '\\' { hex_char(c, out) } else { out.push(c) }
        }
        hex(chunk.invalid(), out);
    }
}

/// Appends a message of the log: as [`value`], but quotes and backslashes stay readable.
pub(crate) fn message(text: &str, out: &mut String) {
    for c in text.chars() {
        if is_unsafe(c) { hex_char(c, out) } else { out.push(c) }
    }
}

/// Characters that some reader takes for the end of a line, or a terminal for a command.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn hex_char(c: char, out: &mut String) {
    hex(c.encode_utf8(&mut [0; 4]).as_bytes(), out);
}

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = String::new();
        value(bytes, &mut out);
        out
    }

    #[test]
    fn plain_text_stays() {
        assert_eq!(escaped(b"Mozilla/5.0 (X11; Linux)"), "Mozilla/5.0 (X11; Linux)");
        assert_eq!(escaped("gr\u{fc}n".as_bytes()), "gr\u{fc}n");
    }

    #[test]
    fn nothing_ends_a_line_or_a_quote() {
        assert_eq!(escaped(b"a\r\n\tb\x1b[2J\x7f"), "a\\x0D\\x0A\\x09b\\x1B[2J\\x7F");
        assert_eq!(escaped(b"a\" \"\\"), "a\\x22 \\x22\\x5C");
        assert_eq!(escaped("\u{85}\u{2028}".as_bytes()), "\\xC2\\x85\\xE2\\x80\\xA8");
        assert_eq!(escaped(b"\xff\xfea"), "\\xFF\\xFEa");
    }

    #[test]
    fn a_message_keeps_its_quotes() {
        let mut out = String::new();
        message("no route \"a\"\nforged", &mut out);
        assert_eq!(out, "no route \"a\"\\x0Aforged");
    }
}

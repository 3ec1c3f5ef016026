//! Strings of Hessian 2.0: lengths count UTF-16 code units, the bytes are UTF-8. Characters beyond U+FFFF are written
//! as Java writes them, each surrogate in three bytes of its own, because older readers know no other form; readers of
//! ours take four bytes as well.

use bytes::BufMut;

/// The most units of one chunk: what Java's writer puts into one.
const CHUNK: usize = 0x8000;

/// How many bytes the first `units` UTF-16 code units of `bytes` take. `None` when there are fewer, or at a byte that
/// begins no character.
#[inline]
pub(super) fn skip_units(bytes: &[u8], units: usize) -> Option<usize> {
    // No character takes fewer bytes than units.
    if bytes.get(..units)?.is_ascii() { Some(units) } else { skip_mixed(bytes, units) }
}

fn skip_mixed(bytes: &[u8], mut units: usize) -> Option<usize> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let mut rest = bytes;
    while units > 0 {
        if let Some((word, tail)) = rest.split_first_chunk::<8>()
            && units >= word.len()
            && u64::from_ne_bytes(*word) & HIGH_BITS == 0
        {
            (rest, units) = (tail, units - word.len());
            continue;
        }
        let (len, width) = match rest.first()? {
            0x00..=0x7f => (1, 1),
            0xc0..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xf7 => (4, 2),
            _ => return None,
        };
        // A writer that counts characters instead of units may end within a pair.
        (rest, units) = (rest.get(len..)?, units.saturating_sub(width));
    }
    Some(bytes.len() - rest.len())
}

/// Writes a string, in chunks when it is long.
pub fn write_string(text: &str, out: &mut impl BufMut) {
    let mut rest = text;
    loop {
        let (chunk, units) = first_chunk(rest);
        rest = rest.get(chunk.len()..).unwrap_or_default();
        if !rest.is_empty() {
            out.put_u8(b'R');
            out.put_u16(units as u16);
        } else {
            write_last_length(units, out);
        }
        write_units(chunk, out);
        if rest.is_empty() {
            return;
        }
    }
}

/// Writes bytes that should be UTF-8 as a string; what is not becomes U+FFFD.
pub fn write_bytes(text: &[u8], out: &mut impl BufMut) {
    write_string(&String::from_utf8_lossy(text), out);
}

/// As much of `text` as one chunk holds, and its length in units. A pair is not split.
pub(super) fn first_chunk(text: &str) -> (&str, usize) {
    if text.len() <= CHUNK && text.is_ascii() {
        return (text, text.len());
    }
    let mut units = 0;
    for (at, char) in text.char_indices() {
        let width = char.len_utf16();
        if units + width > CHUNK {
            return (text.get(..at).unwrap_or_default(), units);
        }
        units += width;
    }
    (text, units)
}

fn write_last_length(units: usize, out: &mut impl BufMut) {
    match units {
        0..=0x1f => out.put_u8(units as u8),
        0x20..=0x3ff => out.put_u16(0x3000 | units as u16),
        _ => {
            out.put_u8(b'S');
            out.put_u16(units as u16);
        }
    }
}

/// Writes the characters alone.
pub(super) fn write_units(text: &str, out: &mut impl BufMut) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte >= 0xf0) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.put_slice(plain.as_bytes());
        let mut chars = tail.chars();
        let mut pair = [0; 2];
        for unit in chars.next().map_or(&mut [][..], |char| char.encode_utf16(&mut pair)) {
            out.put_slice(&[
                0xe0 | (*unit >> 12) as u8,
                0x80 | (*unit >> 6 & 0x3f) as u8,
                0x80 | (*unit & 0x3f) as u8,
            ]);
        }
        rest = chars.as_str();
    }
    out.put_slice(rest.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write_string(text, &mut out);
        out
    }

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(written(""), [0]);
        assert_eq!(written("hi"), b"\x02hi");
        assert_eq!(written(&"a".repeat(31))[..2], *b"\x1fa");
        assert_eq!(written(&"a".repeat(32))[..3], *b"\x30\x20a");
        assert_eq!(written(&"a".repeat(1023))[..3], *b"\x33\xffa");
        assert_eq!(written(&"a".repeat(1024))[..4], *b"S\x04\x00a");
        assert_eq!(written(&"a".repeat(0x8000))[..4], *b"S\x80\x00a");
    }

    #[test]
    fn a_long_string_is_written_in_chunks_that_split_no_pair() {
        let out = written(&format!("{}\u{1f600}b", "a".repeat(0x7fff)));
        assert_eq!(out[..3], *b"R\x7f\xff");
        assert_eq!(out[3 + 0x7fff..], *b"\x03\xed\xa0\xbd\xed\xb8\x80b");
    }

    #[test]
    fn units_are_counted_as_java_counts_them() {
        for (text, units) in [("grün", 4), ("中文", 2), ("a\u{1f600}", 3), ("0123456789中0123456789", 21)]
        {
            let bytes = format!("{text}!");
            assert_eq!(skip_units(bytes.as_bytes(), units), Some(text.len()), "{text}");
        }
        assert_eq!(skip_units(b"\xed\xa0\xbd\xed\xb8\x80!", 2), Some(6), "surrogates apart");
        assert_eq!(skip_units("😀".as_bytes(), 1), Some(4), "a length in characters");
    }

    #[test]
    fn what_ends_early_or_begins_no_character_is_refused() {
        assert_eq!(skip_units(b"ab", 3), None);
        assert_eq!(skip_units(b"abcd\xe4\xb8", 5), None);
        assert_eq!(skip_units(b"\x80\x80\x80", 1), None);
        assert_eq!(skip_units(b"\xff", 1), None);
    }
}

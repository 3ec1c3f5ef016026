//! Text to characters: UTF-8 in which Java writes each half of a surrogate pair by itself (CESU-8), and others the pair as
//! one sequence of four bytes.

/// Adds the text of a chunk; `None` when it is not UTF-8 even so. Halves that stand alone become U+FFFD.
pub(super) fn push(out: &mut String, chunk: &[u8]) -> Option<()> {
    if let Ok(text) = std::str::from_utf8(chunk) {
        out.push_str(text);
        return Some(());
    }
    let mut rest = chunk;
    while !rest.is_empty() {
        let (code, tail) = sequence(rest)?;
        rest = tail;
        let char = match code {
            0xd800..=0xdbff => match sequence(rest) {
                Some((low @ 0xdc00..=0xdfff, tail)) => {
                    rest = tail;
                    char::from_u32(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00))
                }
                _ => None,
            },
            code => char::from_u32(code),
        };
        out.push(char.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Some(())
}

/// The code at the front, surrogates included, and what follows.
fn sequence(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (len, start) = match first {
        0x00..=0x7f => (0, first),
        0xc0..=0xdf => (1, first & 0x1f),
        0xe0..=0xef => (2, first & 0x0f),
        0xf0..=0xf7 => (3, first & 0x07),
        _ => return None,
    };
    let (tail, rest) = rest.split_at_checked(len)?;
    let code = tail.iter().try_fold(u32::from(start), |code, byte| {
        (byte & 0xc0 == 0x80).then(|| (code << 6) | u32::from(byte & 0x3f))
    })?;
    Some((code, rest))
}

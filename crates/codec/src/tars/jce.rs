//! TARS' encoding, JCE: each field begins with its number and its type in four bits each (a number of 15 and more has a
//! byte of its own), and numbers are written in as few bytes as they need. Fields stand in the order of their numbers.

use bytes::{BufMut, BytesMut};

use crate::http1::Span;

/// Types of fields.
pub(super) const BYTE: u8 = 0;
pub(super) const SHORT: u8 = 1;
pub(super) const INT: u8 = 2;
const LONG: u8 = 3;
const FLOAT: u8 = 4;
const DOUBLE: u8 = 5;
/// A text with a length of one byte, and of four.
pub(super) const TEXT: u8 = 6;
pub(super) const LONG_TEXT: u8 = 7;
pub(super) const MAP: u8 = 8;
pub(super) const LIST: u8 = 9;
const STRUCT: u8 = 10;
const STRUCT_END: u8 = 11;
/// The number zero, without bytes.
pub(super) const ZERO: u8 = 12;
/// A list of bytes.
pub(super) const BYTES: u8 = 13;

/// How deep structures may be nested in fields that are passed over.
const DEEPEST: u8 = 32;

/// Reads fields from the front. `None` when bytes are cut, or are no such field.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a [u8],
    pub(super) at: usize,
}

impl Reader<'_> {
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.raw.len()
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.raw.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = self.raw.get(self.at..)?.first_chunk().copied()?;
        self.at += N;
        Some(array)
    }

    fn take(&mut self, len: usize) -> Option<Span> {
        self.raw.get(self.at..)?.get(..len)?;
        let span = Span::new(self.at, len);
        self.at += len;
        Some(span)
    }

    /// The number and the type of the next field.
    pub(super) fn head(&mut self) -> Option<(u8, u8)> {
        let head = self.byte()?;
        let tag = match head >> 4 {
            15 => self.byte()?,
            tag => tag,
        };
        Some((tag, head & 15))
    }

    /// A number of at most 32 bits.
    pub(super) fn int(&mut self, kind: u8) -> Option<i32> {
        match kind {
            ZERO => Some(0),
            BYTE => self.array().map(|bytes| i8::from_be_bytes(bytes).into()),
            SHORT => self.array().map(|bytes| i16::from_be_bytes(bytes).into()),
            INT => self.array().map(i32::from_be_bytes),
            _ => None,
        }
    }

    pub(super) fn text(&mut self, kind: u8) -> Option<Span> {
        let len = match kind {
            TEXT => self.byte()?.into(),
            LONG_TEXT => u32::from_be_bytes(self.array()?) as usize,
            _ => return None,
        };
        self.take(len)
    }

    /// A number that stands as a field 0 inside of another: lengths.
    pub(super) fn len(&mut self) -> Option<usize> {
        let (tag, kind) = self.head()?;
        usize::try_from(self.int(kind)?).ok().filter(|_| tag == 0)
    }

    /// The bytes of a list of bytes.
    pub(super) fn bytes(&mut self) -> Option<Span> {
        if self.head()? != (0, BYTE) {
            return None;
        }
        let len = self.len()?;
        self.take(len)
    }

    /// A text that is an entry's name or value.
    pub(super) fn entry(&mut self, tag: u8) -> Option<Span> {
        let (found, kind) = self.head()?;
        if found == tag { self.text(kind) } else { None }
    }

    /// Passes over what a field of this type holds.
    pub(super) fn skip(&mut self, kind: u8) -> Option<()> {
        self.skip_within(kind, DEEPEST)
    }

    fn skip_within(&mut self, kind: u8, depth: u8) -> Option<()> {
        let inner = depth.checked_sub(1)?;
        match kind {
            ZERO | STRUCT_END => {}
            BYTE | SHORT | INT => drop(self.int(kind)?),
            FLOAT => drop(self.take(4)?),
            LONG | DOUBLE => drop(self.take(8)?),
            TEXT | LONG_TEXT => drop(self.text(kind)?),
            BYTES => drop(self.bytes()?),
            MAP | LIST => {
                let fields = self.len()?.checked_mul(if kind == MAP { 2 } else { 1 })?;
                for _ in 0..fields {
                    let (_, kind) = self.head()?;
                    self.skip_within(kind, inner)?;
                }
            }
            STRUCT => loop {
                let (_, kind) = self.head()?;
                if kind == STRUCT_END {
                    break;
                }
                self.skip_within(kind, inner)?;
            },
            _ => return None,
        }
        Some(())
    }
}

/// The head of a field with a number below 15.
pub(super) fn put_head(tag: u8, kind: u8, out: &mut BytesMut) {
    out.put_u8(tag << 4 | kind);
}

/// A number, in as few bytes as it needs.
pub(super) fn put_int(tag: u8, number: i32, out: &mut BytesMut) {
    if number == 0 {
        put_head(tag, ZERO, out);
    } else if let Ok(byte) = i8::try_from(number) {
        put_head(tag, BYTE, out);
        out.put_i8(byte);
    } else if let Ok(short) = i16::try_from(number) {
        put_head(tag, SHORT, out);
        out.put_i16(short);
    } else {
        put_head(tag, INT, out);
        out.put_i32(number);
    }
}

/// A text. Its length fits, as that of a frame does.
pub(super) fn put_text(tag: u8, text: &[u8], out: &mut BytesMut) {
    match u8::try_from(text.len()) {
        Ok(len) => {
            put_head(tag, TEXT, out);
            out.put_u8(len);
        }
        Err(_) => {
            put_head(tag, LONG_TEXT, out);
            out.put_u32(text.len() as u32);
        }
    }
    out.extend_from_slice(text);
}

/// A list of bytes up to the bytes themselves.
pub(super) fn put_bytes(tag: u8, bytes: &[u8], out: &mut BytesMut) {
    put_head(tag, BYTES, out);
    put_head(0, BYTE, out);
    put_int(0, bytes.len() as i32, out);
    out.extend_from_slice(bytes);
}

/// The head of a map of so many entries.
pub(super) fn put_map(tag: u8, entries: usize, out: &mut BytesMut) {
    put_head(tag, MAP, out);
    put_int(0, entries as i32, out);
}

/// An entry of a map of texts.
pub(super) fn put_entry(name: &[u8], value: &[u8], out: &mut BytesMut) {
    put_text(0, name, out);
    put_text(1, value, out);
}

//! A cursor over Hessian 2.0 that skips values and borrows strings, without memory of its own for ordinary input.
//! Dubbo's codec finds the attachments behind arguments with it.
//!
//! Everything is bounded: nesting by [`MAX_DEPTH`] (kept in a list, so that no depth overflows the stack), values by
//! [`MAX_VALUES`], class definitions by [`MAX_CLASSES`]; a declared length is compared with what is left before
//! anything relies on it, so a scan takes time in proportion to the bytes there are. Cyclic data need no care: on the
//! wire a cycle is a number (`Q`) that refers to an earlier value, which a scanner skips and never follows.

mod number;

use std::fmt;

use smallvec::SmallVec;

use super::text::skip_units;
use crate::http1::Span;

/// How deep lists, maps and objects may stand in each other.
pub const MAX_DEPTH: usize = 1024;

/// How many values one scanner skips: over four million, a few milliseconds of work.
pub const MAX_VALUES: u32 = 1 << 22;

/// How many class definitions one scanner remembers.
pub const MAX_CLASSES: usize = 4096;

/// Why bytes are no value that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// The bytes end within a value, or a declared length is beyond them.
    Truncated,
    /// A byte that can't begin what has to stand here.
    Unexpected(u8),
    /// A text that is not encoded as strings are.
    BadText,
    /// A negative length.
    BadLength,
    /// An object of a class that was not defined before.
    UnknownClass,
    /// More than [`MAX_DEPTH`] levels.
    TooDeep,
    /// More than [`MAX_VALUES`] values, or [`MAX_CLASSES`] class definitions.
    TooMany,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScanError::Truncated => f.write_str("the bytes end within a Hessian value"),
            ScanError::Unexpected(code) => write!(f, "byte {code:#04x} can't begin this Hessian value"),
            ScanError::BadText => f.write_str("malformed text in a Hessian string"),
            ScanError::BadLength => f.write_str("negative length of a Hessian value"),
            ScanError::UnknownClass => f.write_str("Hessian object of a class that was not defined"),
            ScanError::TooDeep => write!(f, "more than {MAX_DEPTH} levels of Hessian values"),
            ScanError::TooMany => f.write_str("too many Hessian values"),
        }
    }
}

impl std::error::Error for ScanError {}

/// A string that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// The null in place of a string.
    Null,
    /// Its bytes stand together at this place of the input. They may hold surrogates in three bytes each, and so need
    /// not be UTF-8.
    Whole(Span),
    /// It came in chunks.
    Chunks,
}

/// The cursor.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    values: u32,
    /// How many fields the classes have that were defined so far.
    classes: SmallVec<[u32; 8]>,
}

/// What is open around the next value.
#[derive(Clone, Copy)]
enum Level {
    /// So many more values follow.
    Count(u32),
    /// Values up to an end mark.
    List,
    /// Pairs up to an end mark.
    Map { at_key: bool },
}

impl<'a> Scanner<'a> {
    /// Begins at position `at` of `input`.
    pub fn new(input: &'a [u8], at: usize) -> Self {
        Scanner { input, at, values: 0, classes: SmallVec::new() }
    }

    /// Where it stands.
    #[inline]
    pub fn position(&self) -> usize {
        self.at
    }

    /// The byte it stands at.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.at >= self.input.len()
    }

    /// Steps over the next byte if it is this one.
    #[inline]
    pub fn take(&mut self, code: u8) -> bool {
        let is_it = self.peek() == Some(code);
        self.at += usize::from(is_it);
        is_it
    }

    /// Whether a string stands next (or the null in place of one).
    #[inline]
    pub fn is_at_text(&self) -> bool {
        self.peek().is_some_and(|code| is_text(code) || code == b'N')
    }

    /// Reads a string.
    ///
    /// # Errors
    /// When something else stands here.
    #[inline]
    pub fn text(&mut self) -> Result<Text, ScanError> {
        let code = self.byte()?;
        if code == b'N' {
            return Ok(Text::Null);
        }
        let (units, is_last) = self.text_length(code)?;
        let start = self.at;
        self.skip_text(units)?;
        if is_last {
            return Ok(Text::Whole(Span::new(start, self.at - start)));
        }
        self.skip_text_chunks()?;
        Ok(Text::Chunks)
    }

    /// Reads the type of a list or map: a string, or the number of an earlier type.
    ///
    /// # Errors
    /// When something else stands here.
    pub fn skip_type(&mut self) -> Result<(), ScanError> {
        if self.peek().is_some_and(is_text) { self.text().map(drop) } else { self.int().map(drop) }
    }

    /// Skips a value, and class definitions before it.
    ///
    /// # Errors
    /// When it is malformed or goes beyond a bound; where the cursor stands then says nothing.
    pub fn skip_value(&mut self) -> Result<(), ScanError> {
        let mut open: SmallVec<[Level; 16]> = SmallVec::new();
        loop {
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(ScanError::TooMany);
            }
            if let Some(level) = self.begin_value()? {
                if open.len() >= MAX_DEPTH {
                    return Err(ScanError::TooDeep);
                }
                open.push(level);
            }
            // Closes what has ended; the next value belongs to what is still open.
            loop {
                let is_over = match open.last_mut() {
                    None => return Ok(()),
                    Some(Level::Count(left)) => match left.checked_sub(1) {
                        Some(less) => {
                            *left = less;
                            false
                        }
                        None => true,
                    },
                    Some(Level::List) => self.take(b'Z'),
                    Some(Level::Map { at_key }) => {
                        *at_key = !*at_key;
                        *at_key && self.take(b'Z')
                    }
                };
                if !is_over {
                    break;
                }
                open.pop();
            }
        }
    }

    /// Skips a value that holds no others, or steps into one that does.
    #[inline]
    fn begin_value(&mut self) -> Result<Option<Level>, ScanError> {
        let mut code = self.byte()?;
        while code == b'C' {
            self.define_class()?;
            code = self.byte()?;
        }
        match code {
            0x00..=0x1f | 0x30..=0x33 | b'R' | b'S' => self.skip_string(code)?,
            0x20..=0x2f | 0x34..=0x37 | b'A' | b'B' => self.skip_binary(code)?,
            // Null, true, false, 0.0, 1.0, and numbers that fit into the code.
            b'N' | b'T' | b'F' | 0x5b | 0x5c | 0x80..=0xbf | 0xd8..=0xef => {}
            0x5d | 0xc0..=0xcf | 0xf0..=0xff => self.advance(1)?,
            0x38..=0x3f | 0x5e | 0xd0..=0xd7 => self.advance(2)?,
            b'I' | b'K' | b'Y' | 0x5f => self.advance(4)?,
            b'D' | b'J' | b'L' => self.advance(8)?,
            b'Q' => self.int().map(drop)?,
            _ => return self.begin_container(code).map(Some),
        }
        Ok(None)
    }

    fn begin_container(&mut self, code: u8) -> Result<Level, ScanError> {
        Ok(match code {
            b'H' => Level::Map { at_key: false },
            b'M' => {
                self.skip_type()?;
                Level::Map { at_key: false }
            }
            b'U' => {
                self.skip_type()?;
                Level::List
            }
            b'W' => Level::List,
            b'V' => {
                self.skip_type()?;
                Level::Count(self.length()?)
            }
            b'X' => Level::Count(self.length()?),
            0x70..=0x77 => {
                self.skip_type()?;
                Level::Count(u32::from(code - 0x70))
            }
            0x78..=0x7f => Level::Count(u32::from(code - 0x78)),
            b'O' => {
                let class = self.int()?;
                self.object(usize::try_from(class).map_err(|_| ScanError::UnknownClass)?)?
            }
            0x60..=0x6f => self.object(usize::from(code - 0x60))?,
            _ => return Err(ScanError::Unexpected(code)),
        })
    }

    fn object(&self, class: usize) -> Result<Level, ScanError> {
        let count = *self.classes.get(class).ok_or(ScanError::UnknownClass)?;
        self.fits(count as usize)?;
        Ok(Level::Count(count))
    }

    /// A definition, behind its code: a name, a number of fields, their names.
    fn define_class(&mut self) -> Result<(), ScanError> {
        if self.classes.len() >= MAX_CLASSES {
            return Err(ScanError::TooMany);
        }
        self.text()?;
        let count = self.length()?;
        for _ in 0..count {
            self.text()?;
        }
        self.classes.push(count);
        Ok(())
    }

    fn skip_string(&mut self, code: u8) -> Result<(), ScanError> {
        let (units, is_last) = self.text_length(code)?;
        self.skip_text(units)?;
        if is_last { Ok(()) } else { self.skip_text_chunks() }
    }

    fn skip_text_chunks(&mut self) -> Result<(), ScanError> {
        loop {
            let code = self.byte()?;
            let (units, is_last) = self.text_length(code)?;
            self.skip_text(units)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The units of a chunk, and whether it is the last.
    #[inline]
    fn text_length(&mut self, code: u8) -> Result<(usize, bool), ScanError> {
        Ok(match code {
            0x00..=0x1f => (usize::from(code), true),
            0x30..=0x33 => (usize::from(code - 0x30) << 8 | usize::from(self.byte()?), true),
            b'S' => (usize::from(self.short()?), true),
            b'R' => (usize::from(self.short()?), false),
            _ => return Err(ScanError::Unexpected(code)),
        })
    }

    #[inline]
    fn skip_text(&mut self, units: usize) -> Result<(), ScanError> {
        self.fits(units)?;
        let rest = self.input.get(self.at..).unwrap_or_default();
        self.at += skip_units(rest, units).ok_or(ScanError::BadText)?;
        Ok(())
    }

    fn skip_binary(&mut self, mut code: u8) -> Result<(), ScanError> {
        loop {
            let (len, is_last) = match code {
                0x20..=0x2f => (usize::from(code - 0x20), true),
                0x34..=0x37 => (usize::from(code - 0x34) << 8 | usize::from(self.byte()?), true),
                b'B' => (usize::from(self.short()?), true),
                b'A' => (usize::from(self.short()?), false),
                _ => return Err(ScanError::Unexpected(code)),
            };
            self.advance(len)?;
            if is_last {
                return Ok(());
            }
            code = self.byte()?;
        }
    }

    /// A number of values or names that follow, each of which takes a byte at least.
    fn length(&mut self) -> Result<u32, ScanError> {
        let length = u32::try_from(self.int()?).map_err(|_| ScanError::BadLength)?;
        self.fits(length as usize)?;
        Ok(length)
    }

    fn fits(&self, len: usize) -> Result<(), ScanError> {
        if self.input.len().saturating_sub(self.at) < len { Err(ScanError::Truncated) } else { Ok(()) }
    }

    #[inline]
    fn advance(&mut self, len: usize) -> Result<(), ScanError> {
        self.fits(len)?;
        self.at += len;
        Ok(())
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, ScanError> {
        let byte = *self.input.get(self.at).ok_or(ScanError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn short(&mut self) -> Result<u16, ScanError> {
        self.bytes().map(u16::from_be_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ScanError> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let bytes = *rest.first_chunk::<N>().ok_or(ScanError::Truncated)?;
        self.at += N;
        Ok(bytes)
    }
}

/// Whether a string begins with this code.
#[inline]
fn is_text(code: u8) -> bool {
    matches!(code, 0x00..=0x1f | 0x30..=0x33 | b'R' | b'S')
}

#[cfg(test)]
mod tests;

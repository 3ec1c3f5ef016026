//! The map of attachments at a body's end, entry by entry. Decoding and rewriting walk it alike, so that both mean the
//! same entries when they speak of fields.

use std::ops::Range;

use crate::hessian2::scan::{ScanError, Scanner, Text};
use crate::http1::{Field, HeaderId, Span};

/// The most attachments of a frame that are fields; later ones travel on unseen.
pub const MAX_FIELDS: usize = 256;

/// An entry.
pub(super) struct Entry {
    /// Its bytes: key and value.
    pub(super) at: Range<usize>,
    /// The field that it is, if it is one.
    pub(super) field: Option<Field>,
    /// Its name, when it could be a field's.
    name: Option<Span>,
    /// Its value, when that is a whole number.
    number: Option<i64>,
}

/// The walk.
pub(super) struct Entries<'s, 'a> {
    input: &'a [u8],
    scanner: &'s mut Scanner<'a>,
    /// How many more entries may be fields.
    room: usize,
    is_open: bool,
}

impl<'s, 'a> Entries<'s, 'a> {
    /// Steps into the map where `scanner` stands in `input`. A null in its place, or nothing, is no map.
    pub(super) fn open(input: &'a [u8], scanner: &'s mut Scanner<'a>) -> Result<Self, ScanError> {
        let is_open = if scanner.take(b'M') {
            scanner.skip_type()?;
            true
        } else if scanner.take(b'H') {
            true
        } else if scanner.is_at_end() || scanner.take(b'N') {
            false
        } else {
            return Err(ScanError::Unexpected(scanner.peek().unwrap_or_default()));
        };
        Ok(Entries { input, scanner, room: MAX_FIELDS, is_open })
    }

    /// Whether there is a map.
    pub(super) fn is_map(&self) -> bool {
        self.is_open
    }

    /// Where the walk stands.
    pub(super) fn position(&self) -> usize {
        self.scanner.position()
    }

    /// The next entry; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, ScanError> {
        if !self.is_open || self.scanner.take(b'Z') {
            self.is_open = false;
            return Ok(None);
        }
        let start = self.scanner.position();
        let name = self.text(is_name)?;
        let number = self.scanner.integer()?;
        let value = if number.is_none() { self.text(is_value)? } else { None };
        let field = name.zip(value).filter(|_| self.room > 0).map(|(name, value)| Field {
            name,
            value,
            id: HeaderId::of(name.slice(self.input)),
        });
        self.room -= usize::from(field.is_some());
        Ok(Some(Entry { at: start..self.scanner.position(), field, name, number }))
    }

    /// Where the text of a string stands that passes `is_fit`; any other value is skipped.
    fn text(&mut self, is_fit: fn(&[u8]) -> bool) -> Result<Option<Span>, ScanError> {
        if !self.scanner.is_at_text() {
            return self.scanner.skip_value().map(|()| None);
        }
        Ok(match self.scanner.text()? {
            Text::Whole(span) if is_fit(span.slice(self.input)) => Some(span),
            _ => None,
        })
    }
}

impl Entry {
    /// What it says of the time that a consumer waits, in milliseconds. Dubbo's consumers send what is left of their
    /// time under `_TO` (`_to` where names are in lower case), as a number; a configured `timeout` comes as a string.
    pub(super) fn timeout(&self, input: &[u8]) -> Option<Timeout> {
        let name = self.name?.slice(input);
        let is_left = matches!(name, b"_TO" | b"_to");
        if !is_left && name != b"timeout" {
            return None;
        }
        let text = || std::str::from_utf8(self.field?.value.slice(input)).ok()?.parse::<i64>().ok();
        let millis = self.number.or_else(text)?;
        let millis = u64::try_from(millis).ok().filter(|millis| *millis > 0)?;
        Some(Timeout { millis, is_left })
    }
}

/// A time that a consumer waits.
#[derive(Clone, Copy)]
pub(super) struct Timeout {
    pub(super) millis: u64,
    /// It is what is left, which goes before what was configured.
    pub(super) is_left: bool,
}

/// RFC 9110 section 5.6.2: what a field's name may be.
fn is_name(name: &[u8]) -> bool {
    let is_token = |byte: &u8| TOKEN.get(usize::from(*byte)).is_some_and(|is_token| *is_token);
    !name.is_empty() && name.iter().all(is_token)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of range")]
static TOKEN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let (others, mut at) = (b"!#$%&'*+-.^_`|~", 0);
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// RFC 9110 section 5.5 and UTF-8.
pub(super) fn is_value(value: &[u8]) -> bool {
    const CONTROL: u8 = 1;
    const HIGH: u8 = 0x80;
    let seen = value.iter().fold(0, |seen, byte| {
        let is_control = (*byte < b' ') & (*byte != b'\t') | (*byte == 0x7f);
        seen | (*byte & HIGH) | if is_control { CONTROL } else { 0 }
    });
    seen == 0 || (seen == HIGH && std::str::from_utf8(value).is_ok())
}

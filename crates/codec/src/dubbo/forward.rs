//! Frames on their way out: the same bytes under another number, or with fields written anew around the payload.
//!
//! When fields were changed: the strings in front of a request's arguments follow `dubbo`, `service`, `version` and
//! `method` (without `version` a null stands there; without another of them the string stays as it came). In the map
//! of attachments an entry whose field still stands is copied, or written with its new value; one whose field is gone
//! is left out; entries that are no fields are copied; added fields follow at the end. Of several fields with one name
//! a map can only keep one, so the values are joined by commas, as RFC 9110 section 5.2 reads them. Numbers of earlier
//! values (`Q`) stay right, since strings have none and nothing else is removed.
//!
//! A Java provider looks for the service under the attachment `path` first. So when `service` is changed, the
//! attachments `path` and `interface` follow where they said the same and were not changed themselves.

use bytes::{BufMut, BytesMut};

use super::attachments::{Entries, Entry};
use super::body::{Answer, FIRST_KIND, Invocation, PIECES, WITH_ATTACHMENTS};
use super::header::{self, ID_AT, LENGTH_AT, SIZE};
use crate::hessian2::scan::{ScanError, Scanner};
use crate::hessian2::text::write_bytes;
use crate::http1::Span;
use crate::rpc::{Around, Envelope, FieldView, FrameError, Kind, own_name};

/// The longest body whose length Java's signed arithmetic reads.
const LONGEST: usize = i32::MAX as usize;

pub(super) fn forward(
    frame: &Envelope,
    id: u64,
    fields: Option<&[FieldView<'_>]>,
    Around { before, after }: Around<'_>,
) -> Result<(), FrameError> {
    let (start, behind, payload) = (before.len(), after.len(), frame.payload.range());
    let written = match fields {
        Some(fields) if payload.start > SIZE => rewrite(frame, fields, before, after),
        _ => {
            before.put_slice(frame.raw.get(..payload.start).unwrap_or_default());
            after.put_slice(frame.raw.get(payload.end..).unwrap_or_default());
            Ok(())
        }
    };
    let length = (before.len() - start + after.len() - behind + payload.len()).checked_sub(SIZE);
    let failure = match (written, length.filter(|length| *length <= LONGEST)) {
        (Ok(()), Some(length)) => {
            header::patch(before, start + ID_AT, &id.to_be_bytes());
            header::patch(before, start + LENGTH_AT, &(length as u32).to_be_bytes());
            return Ok(());
        }
        (Ok(()), None) => "Dubbo frame is too long with the fields that were added",
        (Err(_), _) => "Dubbo frame can't be written anew: its body is not the one that was read",
    };
    before.truncate(start);
    after.truncate(behind);
    Err(FrameError::new(failure))
}

fn rewrite(
    frame: &Envelope,
    fields: &[FieldView<'_>],
    before: &mut BytesMut,
    after: &mut BytesMut,
) -> Result<(), ScanError> {
    let raw = &frame.raw[..];
    let map = Map { raw, at: frame.fields_at, payload_end: frame.payload.range().end, fields };
    before.put_slice(raw.get(..SIZE).unwrap_or_default());
    if frame.kind == Kind::Response {
        let mut code = *raw.get(SIZE).ok_or(ScanError::Truncated)?;
        let answer = Answer::read(raw).and_then(Result::ok).map(|answer| answer.attachments);
        if map.write(answer, None, after)? && code < FIRST_KIND + WITH_ATTACHMENTS {
            code += WITH_ATTACHMENTS;
        }
        before.put_u8(code);
        return Ok(());
    }
    let call = Invocation::read(raw).ok_or(ScanError::Truncated)?;
    let mut moved = None;
    for (name, piece) in PIECES.into_iter().zip(&call.pieces) {
        let name = own_name(name);
        let was = piece.text.map(|text| text.slice(raw));
        match fields.iter().find(|field| field.own && field.name == name).map(|field| field.value) {
            Some(value) if was != Some(value) => {
                write_bytes(value, before);
                moved = moved.or(was.filter(|_| name == b"service").map(|was| Moved { was, value }));
            }
            None if was.is_some() && name == b"version" => before.put_u8(b'N'),
            _ => before.put_slice(raw.get(piece.at.clone()).unwrap_or_default()),
        }
    }
    map.write(call.attachments, moved, after).map(drop)
}

/// A service under another name.
#[derive(Clone, Copy)]
struct Moved<'a> {
    was: &'a [u8],
    value: &'a [u8],
}

/// What is to become of the attachments.
struct Map<'a> {
    raw: &'a [u8],
    /// Where they stand; nowhere when they can't be followed.
    at: Span,
    payload_end: usize,
    fields: &'a [FieldView<'a>],
}

impl<'a> Map<'a> {
    /// Writes what follows the payload; `true` when a map was written.
    fn write(
        &self,
        scanner: Option<Scanner<'a>>,
        moved: Option<Moved<'_>>,
        out: &mut BytesMut,
    ) -> Result<bool, ScanError> {
        let (Some(mut scanner), true) = (scanner, self.at.at > 0) else {
            out.put_slice(self.raw.get(self.payload_end..).unwrap_or_default());
            return Ok(false);
        };
        let added = self.added(scanner.clone())?;
        let mut entries = Entries::open(self.raw, &mut scanner)?;
        let is_map = entries.is_map() || added.iter().any(|field| !field.own);
        if entries.is_map() {
            out.put_slice(self.raw.get(self.at.at as usize..entries.position()).unwrap_or_default());
        } else if is_map {
            out.put_u8(b'H');
        } else {
            out.put_slice(self.at.slice(self.raw));
        }
        let mut fields = self.fields.iter().filter(|field| !field.own).peekable();
        while let Some(entry) = entries.next()? {
            match self.name_of(&entry) {
                None => self.copy(&entry, out),
                Some(name) => {
                    if let Some(field) = fields.next_if(|field| field.name == name) {
                        self.write_entry(&entry, field, added, moved, out);
                    }
                }
            }
        }
        self.write_added(added, out);
        if is_map {
            out.put_u8(b'Z');
        }
        out.put_slice(self.raw.get(self.at.range().end..).unwrap_or_default());
        Ok(is_map)
    }

    /// The fields behind those that stand in the map: they keep its order, and what is added follows.
    fn added(&self, mut scanner: Scanner<'a>) -> Result<&'a [FieldView<'a>], ScanError> {
        let mut entries = Entries::open(self.raw, &mut scanner)?;
        let mut rest = self.fields;
        while let Some(entry) = entries.next()? {
            while let [field, behind @ ..] = rest
                && field.own
            {
                rest = behind;
            }
            if let ([field, behind @ ..], Some(name)) = (rest, self.name_of(&entry))
                && field.name == name
            {
                rest = behind;
            }
        }
        Ok(rest)
    }

    fn name_of(&self, entry: &Entry) -> Option<&'a [u8]> {
        entry.field.map(|field| field.name.slice(self.raw))
    }

    fn copy(&self, entry: &Entry, out: &mut BytesMut) {
        out.put_slice(self.raw.get(entry.at.clone()).unwrap_or_default());
    }

    fn write_entry(
        &self,
        entry: &Entry,
        field: &FieldView<'_>,
        added: &[FieldView<'_>],
        moved: Option<Moved<'_>>,
        out: &mut BytesMut,
    ) {
        let was = entry.field.map(|field| field.value.slice(self.raw)).unwrap_or_default();
        let follows =
            moved.filter(|moved| matches!(field.name, b"path" | b"interface") && moved.was == field.value);
        let has_more = added.iter().any(|more| is_same(more, field));
        match follows {
            Some(moved) if !has_more && was == field.value => {
                write_bytes(field.name, out);
                write_bytes(moved.value, out);
            }
            _ if !has_more && was == field.value => self.copy(entry, out),
            _ => write_joined(field, added, out),
        }
    }

    fn write_added(&self, added: &[FieldView<'_>], out: &mut BytesMut) {
        let before = self.fields.get(..self.fields.len() - added.len()).unwrap_or_default();
        let mut rest = added;
        while let [field, behind @ ..] = rest {
            let earlier = added.get(..added.len() - rest.len()).unwrap_or_default();
            if !field.own && !before.iter().chain(earlier).any(|other| is_same(other, field)) {
                write_joined(field, behind, out);
            }
            rest = behind;
        }
    }
}

/// Whether two fields would be one entry.
fn is_same(field: &FieldView<'_>, other: &FieldView<'_>) -> bool {
    !field.own && !other.own && field.name.eq_ignore_ascii_case(other.name)
}

/// Writes an entry with the values of `field` and of those behind it that have its name.
fn write_joined(field: &FieldView<'_>, behind: &[FieldView<'_>], out: &mut BytesMut) {
    let mut value = field.value.to_vec();
    for more in behind.iter().filter(|more| is_same(more, field)) {
        value.push(b',');
        value.extend_from_slice(more.value);
    }
    write_bytes(field.name, out);
    write_bytes(&value, out);
}

//! Fields as they were read: spans into one block of bytes. Added fields go to a second, growing block;
//! their spans start where the first one ends. The span lists are recycled within a thread.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use mecha_codec::http1::{Field, HeaderId, Span, write_field};
use mecha_codec::rpc::{FieldView, is_own, own_name};

use super::InvalidField;

/// Lists that a thread keeps for reuse; each has room for a usual head.
const KEPT_LISTS: usize = 64;
/// A list that grew beyond this is not kept.
const LARGEST_KEPT: usize = 128;

thread_local! {
    static LISTS: RefCell<Vec<Vec<Field>>> = const { RefCell::new(Vec::new()) };
}

/// An empty list to parse into.
pub fn take_list() -> Vec<Field> {
    LISTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(16))
}

/// Gives a list back to the thread; for those that did not become [`super::Headers`], which do so when they are dropped.
pub fn give_list(mut list: Vec<Field>) {
    if list.capacity() == 0 || list.capacity() > LARGEST_KEPT {
        return;
    }
    list.clear();
    let _ = LISTS.try_with(|lists| {
        let mut lists = lists.borrow_mut();
        if lists.len() < KEPT_LISTS {
            lists.push(list);
        }
    });
}

#[derive(Default)]
pub(super) struct Block {
    text: Bytes,
    added: Vec<u8>,
    fields: Vec<Field>,
    /// A field was added, replaced or removed since the head was read.
    changed: bool,
}

impl Clone for Block {
    fn clone(&self) -> Self {
        let mut fields = take_list();
        fields.extend_from_slice(&self.fields);
        Block { text: self.text.clone(), added: self.added.clone(), fields, changed: self.changed }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        give_list(std::mem::take(&mut self.fields));
    }
}

impl Block {
    pub(super) fn new(text: Bytes, fields: Vec<Field>) -> Self {
        Block { text, added: Vec::new(), fields, changed: false }
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether fields are other than they were read.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The fields as codecs of RPC protocols write them.
    pub(super) fn views(&self) -> impl Iterator<Item = FieldView<'_>> {
        self.fields.iter().map(|field| FieldView {
            name: self.bytes(field.name),
            value: self.bytes(field.value),
            own: is_own(field.name),
        })
    }

    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        if is_own(span) {
            return own_name(span);
        }
        let (at, len) = (span.at as usize, span.len as usize);
        let (block, at) = match at.checked_sub(self.text.len()) {
            Some(at) => (&self.added[..], at),
            None => (&self.text[..], at),
        };
        block.get(at..at + len).unwrap_or_default()
    }

    /// The bytes of a span as a share of the block, when it lies in the part that was read.
    pub(super) fn share(&self, span: Span) -> Option<Bytes> {
        let (at, len) = (span.at as usize, span.len as usize);
        (at + len <= self.text.len() && at < self.text.len()).then(|| self.text.slice(at..at + len))
    }

    pub(super) fn get_id(&self, id: HeaderId) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.id == id).map(|field| self.bytes(field.value))
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.find(name).and_then(|at| self.fields.get(at)).map(|field| self.bytes(field.value))
    }

    fn is_named(&self, field: &Field, name: &[u8]) -> bool {
        field.name.len as usize == name.len() && self.bytes(field.name).eq_ignore_ascii_case(name)
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().position(|field| self.is_named(field, name))
    }

    pub(super) fn append(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidField> {
        let field = self.write(name, value)?;
        self.fields.push(field);
        Ok(())
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidField> {
        let Some(first) = self.find(name) else { return self.append(name, value) };
        let written = self.write(name, value)?;
        let kept = self.fields.get(first).map(|field| Field { value: written.value, ..*field });
        self.remove(name);
        if let Some(kept) = kept {
            self.fields.insert(first.min(self.fields.len()), kept);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let before = self.fields.len();
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|field| !self.is_named(field, name));
        self.fields = fields;
        self.note_shorter_than(before)
    }

    pub(super) fn remove_id(&mut self, id: HeaderId) -> bool {
        let before = self.fields.len();
        self.fields.retain(|field| field.id != id);
        self.note_shorter_than(before)
    }

    fn note_shorter_than(&mut self, before: usize) -> bool {
        let shorter = self.fields.len() < before;
        self.changed |= shorter;
        shorter
    }

    /// Writes lines; runs of fields that still stand as they were read are copied at once.
    pub(super) fn write_lines(&self, out: &mut BytesMut, mut keep: impl FnMut(HeaderId) -> bool) {
        // The room for what the caller adds to the head.
        const SPARE: usize = 128;
        out.reserve(self.text.len() + self.added.len() + 4 * self.fields.len() + SPARE);
        let mut run = 0..0;
        for field in self.fields.iter().filter(|field| keep(field.id)) {
            match self.line(field) {
                Some(line) if line.start == run.end => run.end = line.end,
                Some(line) => {
                    out.extend_from_slice(self.text.get(run).unwrap_or_default());
                    run = line;
                }
                None => {
                    out.extend_from_slice(self.text.get(std::mem::take(&mut run)).unwrap_or_default());
                    write_field(self.bytes(field.name), self.bytes(field.value), out);
                }
            }
        }
        out.extend_from_slice(self.text.get(run).unwrap_or_default());
    }

    /// Where the line of a field stands, CRLF included, when it can be copied: read, unchanged, `Name: value`.
    fn line(&self, field: &Field) -> Option<std::ops::Range<usize>> {
        let start = field.name.at as usize;
        let colon = start + field.name.len as usize;
        let value = field.value.at as usize;
        let end = value + field.value.len as usize;
        let plain = value == colon + 2 && self.text.get(end..end + 2) == Some(b"\r\n");
        plain.then_some(start..end + 2)
    }

    /// Puts the bytes of a new field behind the others.
    fn write(&mut self, name: &[u8], value: &[u8]) -> Result<Field, InvalidField> {
        if name.is_empty()
            || !name.iter().all(|byte| is_token(*byte))
            || !value.iter().all(|byte| is_value(*byte))
        {
            return Err(InvalidField);
        }
        let mut put = |bytes: &[u8]| {
            let at = u32::try_from(self.text.len() + self.added.len()).map_err(|_| InvalidField)?;
            let len = u32::try_from(bytes.len()).map_err(|_| InvalidField)?;
            self.added.extend_from_slice(bytes);
            Ok(Span { at, len })
        };
        let field = Field { name: put(name)?, value: put(value)?, id: HeaderId::of(name) };
        self.changed = true;
        Ok(field)
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 section 5.5: visible bytes, space, tab, and anything above ASCII.
fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

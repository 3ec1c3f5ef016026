//! The block of header fields: names and values, each after its length in 32 bits; a length of all ones stands for
//! "none". SOFARPC tells in it what is called.

use bytes::BytesMut;

use super::build::{LONGEST_PART, TOO_LONG, put_pair};
use super::head::{self, Head, LENGTHS};
use super::{HESSIAN2, sofa};
use crate::http1::{Field, HeaderId, Span};
use crate::rpc::{Envelope, FieldView, FrameError, name, own_name};

/// The names under which SOFARPC writes what is called. Its Java clients write all three, sofa-rpc-node always the
/// second and the others for protobuf only.
const TARGET_SERVICE: &[u8] = b"sofa_head_target_service";
const SERVICE: &[u8] = b"service";
const TARGET_METHOD: &[u8] = b"sofa_head_method_name";
const METHOD: &[u8] = b"method";

/// A field of the block, in the frame. What is absent has no span.
struct Pair {
    name: Option<Span>,
    value: Option<Span>,
    /// Where all of it stands.
    whole: Span,
}

/// Reads pairs; `None` among them when what follows is no pair, after which it goes on forever.
struct Pairs<'a> {
    raw: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Pairs<'a> {
    fn of(raw: &'a [u8], block: Span) -> Self {
        let range = block.range();
        Pairs { raw, at: range.start, end: range.end.min(raw.len()) }
    }

    fn part(&mut self) -> Option<Option<Span>> {
        let rest = self.raw.get(self.at..self.end)?;
        let (len, rest) = rest.split_first_chunk()?;
        let len = u32::from_be_bytes(*len);
        self.at += 4;
        if len == u32::MAX {
            return Some(None);
        }
        if len as usize > rest.len() {
            return None;
        }
        let span = Span::new(self.at, len as usize);
        self.at += len as usize;
        Some(Some(span))
    }

    fn pair(&mut self) -> Option<Pair> {
        let from = self.at;
        let (name, value) = (self.part()?, self.part()?);
        Some(Pair { name, value, whole: Span::new(from, self.at - from) })
    }
}

impl Iterator for Pairs<'_> {
    type Item = Option<Pair>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.at < self.end).then(|| self.pair())
    }
}

/// Where the block tells what is called.
#[derive(Default)]
struct Told {
    target_service: Option<Span>,
    service: Option<Span>,
    target_method: Option<Span>,
    method: Option<Span>,
}

impl Told {
    fn take(&mut self, raw: &[u8], name: Span, value: Span) {
        let place = match name.slice(raw) {
            TARGET_SERVICE => &mut self.target_service,
            SERVICE => &mut self.service,
            TARGET_METHOD => &mut self.target_method,
            METHOD => &mut self.method,
            _ => return,
        };
        place.get_or_insert(value);
    }

    /// All of a block; `None` when it is in another format.
    fn all(raw: &[u8], block: Span) -> Option<Self> {
        let mut told = Told::default();
        for pair in Pairs::of(raw, block) {
            if let Pair { name: Some(name), value: Some(value), .. } = pair? {
                told.take(raw, name, value);
            }
        }
        Some(told)
    }

    /// What is called, under the names that every protocol has for it. The class and the content of the frame may tell
    /// what the block does not.
    fn called(&self, raw: &[u8], class: Span, content: Span, serialization: u8) -> [Option<(Span, Span)>; 3] {
        let (service, version) = match self.target_service.or(self.service) {
            Some(unique) => split_version(raw, unique),
            None => (None, None),
        };
        let in_content = || {
            let is_told = serialization == HESSIAN2;
            let method = is_told.then(|| sofa::method(class.slice(raw), content.slice(raw))).flatten()?;
            Some(Span { at: content.at + method.at, ..method })
        };
        let method = self.target_method.or(self.method).or_else(in_content);
        let named = |name, value: Option<Span>| value.map(|value| (name, value));
        [named(name::SERVICE, service), named(name::METHOD, method), named(name::VERSION, version)]
    }
}

/// SOFARPC's unique name of a service: `interface:version`, and `interface:version:unique id`.
fn split_version(raw: &[u8], unique: Span) -> (Option<Span>, Option<Span>) {
    let text = unique.slice(raw);
    let Some(colon) = memchr::memchr(b':', text) else { return (Some(unique), None) };
    let rest = text.get(colon + 1..).unwrap_or_default();
    let len = memchr::memchr(b':', rest).unwrap_or(rest.len());
    let at = unique.at as usize;
    let version = (len > 0).then(|| Span::new(at + colon + 1, len));
    (Some(Span::new(at, colon)), version)
}

/// Offers the fields of a frame. A block in another format has none.
pub(super) fn collect(raw: &[u8], head: &Head, fields: &mut Vec<Field>) {
    let own = |(name, value)| Field { name, value, id: HeaderId::Other };
    let class = (head.class.len > 0).then(|| own((name::CLASS, head.class)));
    let mut told = Told::default();
    for pair in Pairs::of(raw, head.block) {
        match pair {
            Some(Pair { name: Some(name), value: Some(value), .. }) => {
                told.take(raw, name, value);
                fields.push(Field { name, value, id: HeaderId::of(name.slice(raw)) });
            }
            Some(_) => {}
            None => {
                fields.clear();
                fields.extend(class);
                return;
            }
        }
    }
    // What the block tells stands before it in the list.
    let of_block = fields.len();
    let called = told.called(raw, head.class, head.content, head.serialization);
    fields.extend(called.into_iter().flatten().map(own).chain(class));
    fields.rotate_left(of_block);
}

/// Replaces the block of the frame whose part before the payload stands in `out` from `start`. A block in another format
/// stays. Pairs that are no fields, since name or value is absent, stay too, behind the fields.
pub(super) fn rewrite(
    frame: &Envelope,
    fields: &[FieldView<'_>],
    start: usize,
    out: &mut BytesMut,
) -> Result<(), FrameError> {
    let (raw, block, class) = (&frame.raw[..], frame.fields_at, head::class(frame));
    let Some(told) = Told::all(raw, block) else { return Ok(()) };
    let called = told.called(raw, class, frame.payload, frame.serialization);
    let at = start + block.at as usize;
    out.truncate(at);
    for field in fields.iter().filter(|field| !field.own || is_set(field, fields, &called, raw, block)) {
        put_pair(field.name, field.value, out);
    }
    for pair in Pairs::of(raw, block).flatten().filter(|pair| pair.name.is_none() || pair.value.is_none()) {
        out.extend_from_slice(pair.whole.slice(raw));
    }
    let len = u16::try_from(out.len() - at).ok().filter(|len| usize::from(*len) <= LONGEST_PART);
    let Some(len) = len else { return Err(TOO_LONG) };
    // Behind the length of the class, which is the first of the three.
    let len_at = start + class.at as usize - LENGTHS + 2;
    if let Some(place) = out.get_mut(len_at..len_at + 2) {
        place.copy_from_slice(&len.to_be_bytes());
    }
    Ok(())
}

/// Whether somebody set a field that was read from another place than a field of this name: it becomes one then. A field
/// that is set replaces all of its name, ours first; so ours alone, where the frame had one too, was set as well.
fn is_set(
    field: &FieldView<'_>,
    fields: &[FieldView<'_>],
    called: &[Option<(Span, Span)>],
    raw: &[u8],
    block: Span,
) -> bool {
    let is_named = |name: &[u8]| name.eq_ignore_ascii_case(field.name);
    if is_named(own_name(name::CLASS)) || fields.iter().any(|other| !other.own && is_named(other.name)) {
        return false;
    }
    let was_field = || {
        Pairs::of(raw, block)
            .flatten()
            .any(|pair| pair.value.is_some() && pair.name.is_some_and(|name| is_named(name.slice(raw))))
    };
    let is_as_read = || {
        called
            .iter()
            .flatten()
            .any(|(name, value)| is_named(own_name(*name)) && value.slice(raw) == field.value)
    };
    was_field() || !is_as_read()
}

//! Header fields of one message, in one of two shapes behind one face. Fields that came over HTTP/1 stay
//! where they were read: one block of bytes and a list of spans, so that forwarding them copies bytes and
//! nothing else, and keeps their order and case. Fields that came over HTTP/2 stay in the map that `h2`
//! made, so that HTTP/2 to HTTP/2 moves it through untouched.

mod block;
mod iter;
mod map;

use std::fmt;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
pub use mecha_codec::http1::HeaderId;
use mecha_codec::http1::{Field, write_field};
use mecha_codec::rpc::FieldView;

use block::Block;
pub use block::{give_list, take_list};
pub use iter::Iter;

/// Fields that are about one connection and do not go on (RFC 9110 section 7.6.1), beside those that `Connection` names.
pub const OF_ONE_HOP: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A field that can't be sent: its name is no token, its value holds control bytes, or the message came over HTTP/2 and
/// HTTP/2 forbids the field (`Connection` and its like).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidField;

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header field holds bytes that HTTP forbids")
    }
}

impl std::error::Error for InvalidField {}

/// The fields of one message.
#[derive(Clone)]
pub struct Headers(Repr);

#[derive(Clone)]
enum Repr {
    Block(Block),
    Map(Box<HeaderMap>),
}

impl Default for Headers {
    fn default() -> Self {
        Headers::new()
    }
}

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Headers(Repr::Block(Block::default()))
    }

    /// The fields of a parsed HTTP/1 head, or of a frame of an RPC protocol: `fields` point into `text`.
    pub fn from_block(text: Bytes, fields: Vec<Field>) -> Self {
        Headers(Repr::Block(Block::new(text, fields)))
    }

    /// Whether fields of a block were changed since they were read. A message of an RPC protocol is written anew only then.
    pub fn is_changed(&self) -> bool {
        match &self.0 {
            Repr::Block(block) => block.is_changed(),
            Repr::Map(_) => true,
        }
    }

    /// The fields of a message of an RPC protocol, as its codec writes them; none for those of an HTTP/2 message.
    pub fn views(&self) -> impl Iterator<Item = FieldView<'_>> {
        let block = if let Repr::Block(block) = &self.0 { Some(block) } else { None };
        block.into_iter().flat_map(Block::views)
    }

    /// The fields of an HTTP/2 message.
    pub fn from_map(map: HeaderMap) -> Self {
        Headers(Repr::Map(Box::new(map)))
    }

    /// The first value of a well-known field.
    pub fn get_id(&self, id: HeaderId) -> Option<&[u8]> {
        match &self.0 {
            Repr::Block(block) => block.get_id(id),
            Repr::Map(map) => {
                map::name_of(id).and_then(|name| map.get(name)).map(http::HeaderValue::as_bytes)
            }
        }
    }

    /// The first value of the field `name` (lower case).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        match &self.0 {
            Repr::Block(block) => block.get(name.as_bytes()),
            Repr::Map(map) => map.get(name).map(http::HeaderValue::as_bytes),
        }
    }

    /// The first value of the field `name` (lower case), when it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a field of this name (lower case) is there.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Name and value of every field, in order.
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Repr::Block(block) => Iter::block(block),
            Repr::Map(map) => Iter::map(map),
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Block(block) => block.len(),
            Repr::Map(map) => map.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a field after the others.
    ///
    /// # Errors
    /// When name or value hold bytes that HTTP forbids; nothing is changed then.
    pub fn append(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidField> {
        match &mut self.0 {
            Repr::Block(block) => block.append(name.as_bytes(), value),
            Repr::Map(map) => map::append(map, name, value),
        }
    }

    /// Replaces every field of this name (lower case) by one, in the place of the first.
    ///
    /// # Errors
    /// As [`Headers::append`].
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidField> {
        match &mut self.0 {
            Repr::Block(block) => block.set(name.as_bytes(), value),
            Repr::Map(map) => map::set(map, name, value),
        }
    }

    /// Removes every field of this name (lower case); whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        match &mut self.0 {
            Repr::Block(block) => block.remove(name.as_bytes()),
            Repr::Map(map) => map.remove(name).is_some(),
        }
    }

    /// Removes every field of a well-known name; whether there was one.
    pub fn remove_id(&mut self, id: HeaderId) -> bool {
        match &mut self.0 {
            Repr::Block(block) => block.remove_id(id),
            Repr::Map(map) => map::name_of(id).is_some_and(|name| map.remove(name).is_some()),
        }
    }

    /// Writes the fields for which `keep` says so as HTTP/1 lines. Neighbours that came over HTTP/1 are copied in one piece.
    pub(crate) fn write_lines(&self, out: &mut BytesMut, mut keep: impl FnMut(HeaderId) -> bool) {
        match &self.0 {
            Repr::Block(block) => block.write_lines(out, keep),
            Repr::Map(map) => {
                for (name, value) in map.iter() {
                    let name = name.as_str().as_bytes();
                    if keep(HeaderId::of(name)) {
                        write_field(name, value.as_bytes(), out);
                    }
                }
            }
        }
    }

    /// The fields as a map, for HTTP/2. Names become lower case; a field that a map can't hold is left out.
    pub fn into_map(self) -> HeaderMap {
        match self.0 {
            Repr::Block(block) => map::from_block(&block),
            Repr::Map(map) => *map,
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |(name, value): (&[u8], &[u8])| {
            (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned())
        };
        f.debug_map().entries(self.iter().map(text)).finish()
    }
}

#[cfg(test)]
mod tests;

//! TARS' packets: which field is what in requests and in responses.
//!
//! | field | request | response |
//! |---|---|---|
//! | 1 | version | version |
//! | 2 | 1 = no answer wanted | |
//! | 3 | kind of message | number |
//! | 4 | number | kind of message |
//! | 5 | servant | result |
//! | 6 | function | payload |
//! | 7 | payload | status: texts by name |
//! | 8 | timeout in milliseconds | description of the result |
//! | 9 | context: texts by name | context, may be missing |
//! | 10 | status: texts by name | |

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::jce::{BYTES, LIST, LONG_TEXT, MAP, Reader, TEXT, put_entry, put_map};
use super::{LENGTH, PING, build, http_status};
use crate::http1::{Field, HeaderId, Span};
use crate::rpc::{Envelope, FieldView, Kind, Protocol, name};

/// The number of the field that holds the context.
const CONTEXT: u8 = 9;
/// The last field that is known.
const LAST: u8 = 10;
/// What a server describes a response by that tells the client to connect anew.
const RECONNECT: &[u8] = b"_reconnect_";
/// The entry of an answer's status in TUP that holds its result.
pub(super) const RESULT_CODE: &[u8] = b"STATUS_RESULT_CODE";
/// The entry that describes it.
pub(super) const RESULT_DESC: &[u8] = b"STATUS_RESULT_DESC";

/// A field: its type, where all of it stands, and where what it holds begins.
#[derive(Clone, Copy)]
struct Item {
    kind: u8,
    whole: Span,
    content: usize,
}

impl Item {
    fn reader<'a>(&self, raw: &'a [u8]) -> Reader<'a> {
        Reader { raw: raw.get(..self.whole.range().end).unwrap_or_default(), at: self.content }
    }

    fn int(&self, raw: &[u8]) -> Option<i32> {
        self.reader(raw).int(self.kind)
    }

    fn text(&self, raw: &[u8]) -> Option<Span> {
        self.reader(raw).text(self.kind)
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, TEXT | LONG_TEXT)
    }

    /// A payload may be a list of bytes, or a list of numbers; then the payload is the list as it stands.
    fn payload(&self, raw: &[u8]) -> Option<Span> {
        match self.kind {
            BYTES => self.reader(raw).bytes(),
            LIST => Some(Span::new(self.content, self.whole.range().end - self.content)),
            _ => None,
        }
    }
}

/// A packet that was read.
pub(super) struct Packet {
    kind: Kind,
    version: u8,
    pub(super) id: u32,
    /// Where the field of the number stands.
    pub(super) id_at: Span,
    is_request: bool,
    servant: Span,
    function: Span,
    payload: Span,
    timeout: i32,
    result: i32,
    /// The field of the context; where it belongs when there is none.
    pub(super) context: Span,
    context_item: Option<Item>,
}

impl Packet {
    /// Reads a frame. `None` when it is no packet.
    pub(super) fn read(raw: &[u8]) -> Option<Packet> {
        let mut reader = Reader { raw, at: LENGTH };
        let mut items = [None::<Item>; LAST as usize + 1];
        let (mut last, mut place) = (0, raw.len());
        while !reader.is_done() {
            let from = reader.at;
            let (tag, kind) = reader.head()?;
            if tag <= last {
                return None;
            }
            if last <= CONTEXT && tag > CONTEXT {
                place = from;
            }
            last = tag;
            let content = reader.at;
            reader.skip(kind)?;
            if let Some(item) = items.get_mut(usize::from(tag)) {
                *item = Some(Item { kind, whole: Span::new(from, reader.at - from), content });
            }
        }
        let [_, version, one_way, third, fourth, fifth, sixth, seventh, eighth, context, status] = items;
        let is_request = match (&fifth, &sixth) {
            (Some(fifth), _) => fifth.is_text(),
            (None, sixth) => sixth.is_some_and(|item| item.is_text()),
        };
        let number = if is_request { fourth } else { third }?;
        let int = |item: Option<Item>| item.map_or(Some(0), |item| item.int(raw));
        let text = |item: Option<Item>| item.map_or(Some(Span::new(0, 0)), |item| item.text(raw));
        let mut packet = Packet {
            kind: Kind::Response,
            version: u8::try_from(version?.int(raw)?).ok()?,
            id: number.int(raw)? as u32,
            id_at: number.whole,
            is_request,
            servant: Span::new(0, 0),
            function: Span::new(0, 0),
            payload: if is_request { seventh } else { sixth }?.payload(raw)?,
            timeout: 0,
            result: 0,
            context: context.map_or(Span::new(place, 0), |item| item.whole),
            context_item: context,
        };
        if is_request {
            (packet.servant, packet.function) = (text(fifth)?, text(sixth)?);
            packet.timeout = int(eighth)?;
            packet.kind = packet.kind_of_request(int(one_way)? == 1, status, raw);
        } else {
            packet.result = int(fifth)?;
            if packet.id == 0 && text(eighth)?.slice(raw) == RECONNECT {
                packet.kind = Kind::GoAway;
            }
        }
        Some(packet)
    }

    fn kind_of_request(&mut self, one_way: bool, status: Option<Item>, raw: &[u8]) -> Kind {
        if self.version != build::TARS
            && let Some(status) = status
        {
            for (name, value) in
                (Texts { reader: status.reader(raw), left: None, kind: status.kind }).flatten()
            {
                let is_code = name.slice(raw) == RESULT_CODE;
                if is_code {
                    let code = std::str::from_utf8(value.slice(raw)).unwrap_or_default();
                    self.result = code.parse().unwrap_or(build::UNKNOWN);
                }
                if is_code || name.slice(raw) == RESULT_DESC {
                    return Kind::Response;
                }
            }
        }
        match (self.function.slice(raw) == PING, one_way) {
            (true, _) => Kind::Heartbeat,
            (false, true) => Kind::OneWay,
            (false, false) => Kind::Request,
        }
    }

    /// Servant and function.
    pub(super) fn called<'a>(&self, raw: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        (self.servant.slice(raw), self.function.slice(raw))
    }

    /// The number of the field that holds the packet's number.
    pub(super) fn id_tag(&self) -> u8 {
        if self.is_request { 4 } else { 3 }
    }

    /// Offers servant, function and the context.
    pub(super) fn collect(&self, raw: &[u8], fields: &mut Vec<Field>) {
        for (name, value) in [(name::SERVICE, self.servant), (name::METHOD, self.function)] {
            if self.is_request {
                fields.push(Field { name, value, id: HeaderId::Other });
            }
        }
        if !self.has_texts(raw) {
            return;
        }
        for (name, value) in self.texts(raw).flatten() {
            fields.push(Field { name, value, id: HeaderId::of(name.slice(raw)) });
        }
    }

    /// Whether the context is texts by name, so that it can be written anew.
    pub(super) fn has_texts(&self, raw: &[u8]) -> bool {
        self.texts(raw).all(|entry| entry.is_some())
    }

    fn texts<'a>(&self, raw: &'a [u8]) -> Texts<'a> {
        match self.context_item {
            Some(item) => Texts { reader: item.reader(raw), left: None, kind: item.kind },
            None => Texts { reader: Reader { raw, at: raw.len() }, left: Some(0), kind: MAP },
        }
    }

    /// Writes these fields as the context; nothing when there are none and there was no context.
    pub(super) fn put_context(&self, fields: &[FieldView<'_>], out: &mut BytesMut) {
        let entries = || fields.iter().filter(|field| !field.own);
        let count = entries().count();
        if count == 0 && self.context_item.is_none() {
            return;
        }
        put_map(CONTEXT, count, out);
        for field in entries() {
            put_entry(field.name, field.value, out);
        }
    }

    pub(super) fn envelope(self, raw: Bytes) -> Envelope {
        let is_response = self.kind == Kind::Response;
        Envelope {
            raw,
            id: self.id.into(),
            payload: self.payload,
            fields_at: self.context,
            timeout: Duration::from_millis(u64::try_from(self.timeout).unwrap_or(0)),
            status: if is_response { http_status(self.result) } else { 200 },
            code: if is_response { self.result as u16 } else { 0 },
            protocol: Protocol::Tars,
            kind: self.kind,
            serialization: self.version,
        }
    }
}

/// The entries of a map of texts; `None` in the end when it is none.
struct Texts<'a> {
    reader: Reader<'a>,
    /// How many entries follow; `None` before the map was begun.
    left: Option<usize>,
    kind: u8,
}

impl Iterator for Texts<'_> {
    type Item = Option<(Span, Span)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_none() {
            let len = if self.kind == MAP { self.reader.len() } else { None };
            self.left = Some(len.unwrap_or(0));
            if len.is_none() {
                return Some(None);
            }
        }
        let left = self.left.as_mut().filter(|left| **left > 0)?;
        *left -= 1;
        let entry = self.reader.entry(0).and_then(|name| Some((name, self.reader.entry(1)?)));
        if entry.is_none() {
            self.left = Some(0);
        }
        Some(entry)
    }
}

/// Whether the sender of a request wants no answer.
pub(super) fn is_one_way(raw: &[u8]) -> bool {
    let mut reader = Reader { raw, at: LENGTH };
    loop {
        match reader.head() {
            Some((2, kind)) => return reader.int(kind) == Some(1),
            Some((..2, kind)) if reader.skip(kind).is_some() => {}
            _ => return false,
        }
    }
}

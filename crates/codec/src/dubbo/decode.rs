//! Frames off a connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::attachments::Entries;
use super::body::{Answer, Invocation, PIECES};
use super::header::{self, Header, SIZE};
use super::{HESSIAN2, MAGIC};
use crate::hessian2::scan::{ScanError, Scanner};
use crate::http1::{Field, HeaderId, Span};
use crate::rpc::{Decoded, Envelope, FrameError, Kind, Limits, Protocol};

/// Spans of fields use the highest bit for names that stand elsewhere.
const LARGEST: usize = i32::MAX as usize;

pub(super) fn decode(
    input: &mut BytesMut,
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Result<Decoded, FrameError> {
    let Some(head) = input.first_chunk::<SIZE>() else {
        let first = input.get(..MAGIC.len().min(input.len())).unwrap_or_default();
        return if MAGIC.starts_with(first) { Ok(Decoded::More { need: SIZE }) } else { Err(NOT_DUBBO) };
    };
    let header = Header::read(head).ok_or(NOT_DUBBO)?;
    let need = SIZE.saturating_add(header.length as usize);
    if need > limits.frame.min(LARGEST) {
        let error = FrameError::too_large("Dubbo frame is larger than the limit");
        let is_call = header.is_request() && !header.is_event();
        return Err(if is_call {
            error.about(envelope(header, Bytes::copy_from_slice(head)))
        } else {
            error
        });
    }
    if input.len() < need {
        return Ok(Decoded::More { need });
    }
    let mut frame = envelope(header, input.split_to(need).freeze());
    if header.serialization() == HESSIAN2 {
        match frame.kind {
            Kind::Request | Kind::OneWay => read_request(&mut frame, fields),
            Kind::Response if header.status == header::OK => read_response(&mut frame, fields),
            _ => {}
        }
    }
    Ok(Decoded::Frame(frame))
}

const NOT_DUBBO: FrameError = FrameError::new("Dubbo frame does not begin with 0xdabb");

/// A frame whose body is opaque.
fn envelope(header: Header, raw: Bytes) -> Envelope {
    let payload = Span::new(SIZE, raw.len().saturating_sub(SIZE));
    let kind = kind(header, payload.slice(&raw));
    let (status, code) = match kind {
        Kind::Response => (header::http_status(header.status), u16::from(header.status)),
        _ => (200, 0),
    };
    Envelope {
        id: header.id,
        payload,
        fields_at: NOWHERE,
        timeout: Duration::ZERO,
        status,
        code,
        protocol: Protocol::Dubbo,
        kind,
        serialization: header.serialization(),
        raw,
    }
}

/// In place of [`Envelope::fields_at`]: the attachments can't be written anew. Where they can be and there are none, it
/// is an empty span at their place.
const NOWHERE: Span = Span { at: 0, len: 0 };

fn kind(header: Header, body: &[u8]) -> Kind {
    match (header.is_request(), header.is_event()) {
        (true, false) if header.is_two_way() => Kind::Request,
        (true, false) => Kind::OneWay,
        (true, true) if is_read_only(header.serialization(), body) => Kind::GoAway,
        (true, true) if header.is_two_way() => Kind::Heartbeat,
        // An event that nobody answers only shows that the peer is there; so does an answer to one.
        (_, true) => Kind::HeartbeatAck,
        (false, false) => Kind::Response,
    }
}

/// Whether an event says "R", by which a provider asks for no more requests.
fn is_read_only(serialization: u8, body: &[u8]) -> bool {
    match serialization {
        HESSIAN2 => body == b"\x01R",
        FASTJSON2 => body == b"\x4aR",
        // Serialisations that write a text as such: it ends the body, behind a length or within quotes.
        _ => {
            let text = body.trim_ascii_end();
            let text = text.strip_suffix(b"\"").unwrap_or(text);
            text.len() <= LONGEST_EVENT && text.ends_with(b"R")
        }
    }
}

/// The number of JSONB among Dubbo's serialisations.
const FASTJSON2: u8 = 23;
/// No serialisation takes more for a text of one letter.
const LONGEST_EVENT: usize = 16;

fn read_request(frame: &mut Envelope, fields: &mut Vec<Field>) {
    let raw = &frame.raw;
    let Some(call) = Invocation::read(raw) else { return };
    for (name, piece) in PIECES.into_iter().zip(&call.pieces) {
        fields.extend(piece.text.map(|value| Field { name, value, id: HeaderId::Other }));
    }
    frame.payload = between(call.arguments_at, raw.len());
    let Some(mut scanner) = call.attachments else { return };
    let start = scanner.position();
    if let Ok(timeout) = read_attachments(raw, &mut scanner, fields) {
        frame.payload = between(call.arguments_at, start);
        frame.fields_at = between(start, scanner.position());
        frame.timeout = timeout;
    }
}

fn read_response(frame: &mut Envelope, fields: &mut Vec<Field>) {
    let raw = &frame.raw;
    let Some(answer) = Answer::read(raw) else { return };
    frame.payload = between(Answer::VALUE_AT, raw.len());
    let Ok(Answer { mut attachments, has_attachments }) = answer else { return };
    let start = attachments.position();
    // What follows a value without attachments is nothing that we know.
    let is_clear = has_attachments || attachments.is_at_end();
    if is_clear && read_attachments(raw, &mut attachments, fields).is_ok() {
        frame.payload = between(Answer::VALUE_AT, start);
        frame.fields_at = between(start, attachments.position());
    }
}

/// Adds the fields of a map; of one that can't be followed none. Returns the timeout that it names.
fn read_attachments<'a>(
    raw: &'a [u8],
    scanner: &mut Scanner<'a>,
    fields: &mut Vec<Field>,
) -> Result<Duration, ScanError> {
    let before = fields.len();
    let mut read = || {
        let mut entries = Entries::open(raw, scanner)?;
        let (mut configured, mut left) = (None, None);
        while let Some(entry) = entries.next()? {
            if let Some(timeout) = entry.timeout(raw) {
                *if timeout.is_left { &mut left } else { &mut configured } = Some(timeout.millis);
            }
            fields.extend(entry.field);
        }
        Ok(Duration::from_millis(left.or(configured).unwrap_or_default()))
    };
    let timeout = read();
    if timeout.is_err() {
        fields.truncate(before);
    }
    timeout
}

fn between(start: usize, end: usize) -> Span {
    Span::new(start, end.saturating_sub(start))
}

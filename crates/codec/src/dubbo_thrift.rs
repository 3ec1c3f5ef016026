//! Dubbo-Thrift (MOSN reference 2.3): Thrift's binary messages in a frame of Dubbo's, which names the service and numbers
//! the call. Thrift itself is followed as far as the message's name and type, and the text of its exceptions.
//!
//! ```text
//! size u32 | magic 0xdabc | message size i32 | header size i16 | version u8 | service | (path) | id i64 | message
//!          |<--------------------- header size: from the magic to the message --------------->|
//! ```
//! Dubbo 2.7 writes the service's path after its name; the number is what the header ends with either way.

mod message;

use bytes::{BufMut, BytesMut};

use crate::detect::Verdict;
use crate::http1::{Field, HeaderId, Span};
use crate::rpc::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Kind, Limits, Protocol, name};
use message::{Message, Type};

const MAGIC: [u8; 2] = [0xda, 0xbc];
/// Where the magic stands: the header's size counts from here.
const HEADER_AT: usize = 4;
/// Up to the service's name: magic, two sizes, version and the length of the name.
const SERVICE_AT: usize = 17;
/// The number of the call.
const ID: usize = 8;
/// Of the header without a name.
const LEAST_HEADER: usize = SERVICE_AT - HEADER_AT + ID;

/// Whether a connection may begin with a frame of this protocol: told by the magic after the first length.
pub fn matches(buf: &[u8]) -> Verdict {
    // A frame of 16 MiB and more has another first byte; text and the protocols whose first byte says more are told
    // apart at once.
    if buf.first().is_some_and(|first| *first > 0) {
        return Verdict::NoMatch;
    }
    let seen = buf.get(HEADER_AT..).unwrap_or_default();
    match MAGIC.iter().zip(seen).all(|(wanted, byte)| wanted == byte) {
        true if seen.len() >= MAGIC.len() => Verdict::Match,
        true => Verdict::More,
        false => Verdict::NoMatch,
    }
}

/// The codec.
#[derive(Clone, Copy, Debug)]
pub struct DubboThrift;

impl Codec for DubboThrift {
    fn protocol(&self) -> Protocol {
        Protocol::DubboThrift
    }

    fn decode(
        &self,
        input: &mut BytesMut,
        limits: &Limits,
        fields: &mut Vec<Field>,
    ) -> Result<Decoded, FrameError> {
        let Some(total) = total(input, limits)? else {
            return Ok(Decoded::More { need: HEADER_AT + LEAST_HEADER });
        };
        if input.len() < total {
            return Ok(Decoded::More { need: total });
        }
        let raw = input.split_to(total).freeze();
        let header = Header::read(&raw)?;
        let message = Message::read(&raw, header.end)?;
        let kind = match message.kind {
            Type::Call => Kind::Request,
            Type::OneWay => Kind::OneWay,
            Type::Reply | Type::Exception => Kind::Response,
        };
        if kind != Kind::Response {
            fields.push(Field { name: name::SERVICE, value: header.service, id: HeaderId::Other });
            fields.push(Field { name: name::METHOD, value: message.name, id: HeaderId::Other });
        }
        let (code, status) = match message.kind {
            Type::Exception => message::exception(&raw, message.body),
            _ => (0, 200),
        };
        Ok(Decoded::Frame(Envelope {
            id: header.id,
            payload: Span::new(header.end, total - header.end),
            fields_at: Span::new(header.end - ID, ID),
            timeout: std::time::Duration::ZERO,
            status,
            code,
            protocol: Protocol::DubboThrift,
            kind,
            serialization: 0,
            raw,
        }))
    }

    fn forward(
        &self,
        frame: &Envelope,
        id: u64,
        _fields: Option<&[FieldView<'_>]>,
        out: Around<'_>,
    ) -> Result<(), FrameError> {
        // There is no block of fields: service and method stay what the caller wrote.
        let before = frame.raw.get(..frame.fields_at.range().start);
        out.before.put_slice(before.ok_or(FrameError::new("a frame without a header"))?);
        out.before.put_u64(id);
        Ok(())
    }

    fn reply(&self, request: &Envelope, status: u16, text: &str, out: &mut BytesMut) {
        let end = request.payload.range().start;
        let header = request.raw.get(HEADER_AT..end).unwrap_or_default();
        let start = out.len();
        out.put_u32(0);
        out.put_slice(header);
        let id_at = out.len().saturating_sub(ID);
        message::write_exception(&request.raw, end, status, text, out);
        let size = ((out.len() - start - HEADER_AT) as u32).to_be_bytes();
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = out.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(start, &size);
        put(start + HEADER_AT + MAGIC.len(), &size);
        put(id_at, &request.id.to_be_bytes());
    }

    fn heartbeat(&self, _id: u64, _out: &mut BytesMut) -> bool {
        false
    }

    fn heartbeat_ack(&self, _heartbeat: &Envelope, _out: &mut BytesMut) {}

    fn go_away(&self, _id: u64, _out: &mut BytesMut) -> bool {
        false
    }
}

/// How many bytes the frame has, as soon as that is known.
fn total(input: &[u8], limits: &Limits) -> Result<Option<usize>, FrameError> {
    let Some(size) = input.first_chunk::<HEADER_AT>() else { return Ok(None) };
    let total = HEADER_AT.saturating_add(u32::from_be_bytes(*size) as usize);
    if total < HEADER_AT + LEAST_HEADER {
        return Err(FrameError::new("a frame that is smaller than its header"));
    }
    if total > limits.frame {
        return Err(FrameError::too_large("a frame that is larger than the limit"));
    }
    let magic = input.get(HEADER_AT..).unwrap_or_default();
    if !MAGIC.iter().zip(magic).all(|(wanted, byte)| wanted == byte) {
        return Err(FrameError::new("a frame without Dubbo-Thrift's magic"));
    }
    Ok(Some(total))
}

/// What is before the message.
struct Header {
    service: Span,
    id: u64,
    /// Where the message begins.
    end: usize,
}

impl Header {
    /// Of a whole frame.
    fn read(raw: &[u8]) -> Result<Header, FrameError> {
        const CUT: FrameError = FrameError::new("a header that goes beyond its frame");
        let size = raw.get(10..12).and_then(|size| size.first_chunk()).ok_or(CUT)?;
        let end = HEADER_AT + usize::from(u16::from_be_bytes(*size));
        let id_at = end.checked_sub(ID).filter(|at| *at >= SERVICE_AT);
        let id_at = id_at.ok_or(FrameError::new("a header that is too small"))?;
        let id = raw.get(id_at..end).and_then(|id| id.first_chunk()).ok_or(CUT)?;
        let len = raw.get(SERVICE_AT - 4..SERVICE_AT).and_then(|len| len.first_chunk()).ok_or(CUT)?;
        let len = u32::from_be_bytes(*len) as usize;
        if len > id_at - SERVICE_AT {
            return Err(FrameError::new("a service's name that goes beyond its header"));
        }
        Ok(Header { service: Span::new(SERVICE_AT, len), id: u64::from_be_bytes(*id), end })
    }
}

#[cfg(test)]
mod tests;

//! The head of a Thrift message in the binary protocol, strict and old, and the exceptions of Thrift itself
//! (`TApplicationException`), in which a service that was not reached is told apart from one that failed.

use bytes::{BufMut, BytesMut};

use crate::http1::Span;
use crate::rpc::FrameError;

/// The upper half of a strict message's first word.
const STRICT: u32 = 0x8001_0000;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Call,
    Reply,
    Exception,
    OneWay,
}

impl Type {
    fn of(number: u8) -> Result<Type, FrameError> {
        match number {
            1 => Ok(Type::Call),
            2 => Ok(Type::Reply),
            3 => Ok(Type::Exception),
            4 => Ok(Type::OneWay),
            _ => Err(FrameError::new("a Thrift message of an unknown type")),
        }
    }
}

/// The head of a message.
pub(super) struct Message {
    pub(super) kind: Type,
    pub(super) name: Span,
    /// Where the arguments or the result begin.
    pub(super) body: usize,
}

impl Message {
    /// The message that begins at `at` of a frame.
    pub(super) fn read(raw: &[u8], at: usize) -> Result<Message, FrameError> {
        let word = word(raw, at).ok_or(CUT)?;
        if word & 0xffff_0000 == STRICT {
            let kind = Type::of(word as u8)?;
            let name = name(raw, at + 4)?;
            // After the name: its number in the sequence.
            let body = name.range().end + 4;
            if body > raw.len() { Err(CUT) } else { Ok(Message { kind, name, body }) }
        } else if word < 0x8000_0000 {
            let name = name(raw, at)?;
            let end = name.range().end;
            let kind = Type::of(raw.get(end).copied().ok_or(CUT)?)?;
            let body = end + 5;
            if body > raw.len() { Err(CUT) } else { Ok(Message { kind, name, body }) }
        } else {
            Err(FrameError::new("a message that is not of Thrift's binary protocol"))
        }
    }
}

const CUT: FrameError = FrameError::new("a Thrift message that goes beyond its frame");

/// The type of the exception at `at`, and the HTTP status that it means: 404 when there is no such method, and what the
/// text begins with when a proxy wrote it (`503|upstream overflow`); else 500.
pub(super) fn exception(raw: &[u8], at: usize) -> (u16, u16) {
    let (mut code, mut text) = (0, &b""[..]);
    let mut rest = raw.get(at..).unwrap_or_default();
    // Two fields at most, in any order; what else there may be is not looked at.
    for _ in 0..2 {
        match rest {
            [11, 0, 1, tail @ ..] => {
                let len = word(tail, 0).unwrap_or_default() as usize;
                text = tail.get(4..).and_then(|tail| tail.get(..len)).unwrap_or_default();
                rest = tail.get(4 + text.len()..).unwrap_or_default();
            }
            [8, 0, 2, tail @ ..] => {
                code = word(tail, 0).unwrap_or_default();
                rest = tail.get(4..).unwrap_or_default();
            }
            _ => break,
        }
    }
    let told = match text {
        [a @ b'4'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b'|', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Some(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => None,
    };
    let status = told.unwrap_or(if code == kind::UNKNOWN_METHOD { 404 } else { 500 });
    (u16::try_from(code).unwrap_or(u16::MAX), status)
}

/// Thrift's own numbers of its exceptions.
mod kind {
    pub(super) const UNKNOWN: u32 = 0;
    pub(super) const UNKNOWN_METHOD: u32 = 1;
    pub(super) const INTERNAL_ERROR: u32 = 6;
    pub(super) const PROTOCOL_ERROR: u32 = 7;
}

/// Writes an exception in answer to the message that begins at `at` of `request`.
pub(super) fn write_exception(request: &[u8], at: usize, status: u16, text: &str, out: &mut BytesMut) {
    let kind = match status {
        400 => kind::PROTOCOL_ERROR,
        404 => kind::UNKNOWN_METHOD,
        403 | 500 | 504 => kind::INTERNAL_ERROR,
        _ => kind::UNKNOWN,
    };
    let asked = Message::read(request, at).ok();
    let name = asked.as_ref().map_or(&b""[..], |asked| asked.name.slice(request));
    let sequence = asked.and_then(|asked| word(request, asked.body - 4)).unwrap_or_default();
    out.put_u32(STRICT | 3);
    out.put_u32(name.len() as u32);
    out.put_slice(name);
    out.put_u32(sequence);
    out.put_slice(&[11, 0, 1]);
    // The status, as MOSN writes it before the reason.
    let text = format!("{status}|{text}");
    out.put_u32(text.len() as u32);
    out.put_slice(text.as_bytes());
    out.put_slice(&[8, 0, 2]);
    out.put_u32(kind);
    out.put_u8(0);
}

fn name(raw: &[u8], at: usize) -> Result<Span, FrameError> {
    let len = word(raw, at).ok_or(CUT)? as usize;
    let start = at + 4;
    if len > raw.len().saturating_sub(start) { Err(CUT) } else { Ok(Span::new(start, len)) }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk())?;
    Some(u32::from_be_bytes(*word))
}

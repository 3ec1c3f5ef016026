//! TARS: a length of 32 bits that counts itself, then a packet of tagged fields (`tars/jce.rs`).
//!
//! A packet does not say whether it asks or answers; its fields tell. Field 5 is a string in requests (the servant) and a
//! number in responses (the result), and where it is missing, field 6 is a string in requests (the function) and bytes in
//! responses. Answers of TUP, which is version 2 or 3 of the packet, have the fields of requests: one that carries a
//! result is told by it, any other only by which end it came from, see [`Codec::received_from_server`].
//!
//! TARS' heartbeat is a call of the function `tars_ping`, which every servant has; it is answered here. Its answer is an
//! ordinary response: whoever sent the heartbeat knows it by its number. TARS' servers say "send no more" by a response
//! to no request with the description `_reconnect_`; not every client understands that, so it is read and not written.
//!
//! Servant and function are offered as service and method, and are not changed by what is set there; the other fields are
//! the entries of the packet's context. The number has 32 bits and as few bytes as it needs.

mod build;
mod jce;
mod packet;
mod status;

#[cfg(test)]
mod tests;

use bytes::BytesMut;

use crate::detect::Verdict;
use crate::http1::Field;
use crate::rpc::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Kind, Limits, Protocol};

use packet::Packet;

pub use build::{PING, Request, Response};
pub use status::{http_status, result};

/// The bytes of the length, and of length and version: what every frame has at least.
const LENGTH: usize = 4;
const START: usize = 6;
/// The field that every packet begins with: number 1, one byte.
const VERSION: u8 = 0x10;

/// Judges whether a connection opens with a TARS packet: the field of the version, which is 1 or 3 (MOSN reference 2.3).
/// What stands before it is a length, which detection does not judge but for frames too large to be served.
pub fn matches(buf: &[u8]) -> Verdict {
    // A frame of 16 MiB and more has another first byte.
    let is = |at: usize, fits: fn(u8) -> bool| buf.get(at).is_none_or(|byte| fits(*byte));
    if !is(0, |byte| byte == 0) || !is(LENGTH, |byte| byte == VERSION) || !is(5, |byte| matches!(byte, 1 | 3))
    {
        return Verdict::NoMatch;
    }
    if buf.len() < START { Verdict::More } else { Verdict::Match }
}

/// The codec.
pub struct Tars;

impl Codec for Tars {
    fn protocol(&self) -> Protocol {
        Protocol::Tars
    }

    fn decode(
        &self,
        input: &mut BytesMut,
        limits: &Limits,
        fields: &mut Vec<Field>,
    ) -> Result<Decoded, FrameError> {
        // Spans use the highest bit of positions for other purposes.
        let limit = limits.frame.min(i32::MAX as usize);
        let need = match input.first_chunk() {
            Some(length) => u32::from_be_bytes(*length) as usize,
            None => START,
        };
        if need < START {
            return Err(FrameError::new("the length of a TARS frame is shorter than any packet"));
        }
        if need > limit {
            return Err(FrameError::too_large("a TARS frame is larger than the limit"));
        }
        if input.get(LENGTH).is_some_and(|field| *field != VERSION) {
            return Err(FrameError::new("a TARS packet does not begin with its version"));
        }
        if input.len() < need {
            return Ok(Decoded::More { need });
        }
        let raw = input.split_to(need).freeze();
        let Some(packet) = Packet::read(&raw) else {
            return Err(FrameError::new(
                "a TARS packet lacks a field, or its fields are cut or out of order",
            ));
        };
        packet.collect(&raw, fields);
        Ok(Decoded::Frame(packet.envelope(raw)))
    }

    fn forward(
        &self,
        frame: &Envelope,
        id: u64,
        fields: Option<&[FieldView<'_>]>,
        out: Around<'_>,
    ) -> Result<(), FrameError> {
        let Around { before, after } = out;
        let (start, end) = (before.len(), after.len());
        let raw = &frame.raw[..];
        let part = |from: usize, to: usize| raw.get(from..to).unwrap_or_default();
        let Some(packet) = Packet::read(raw) else { return Err(FrameError::new("not a TARS packet")) };
        let (number, payload) = (packet.id_at.range(), frame.payload.range());
        if id as u32 == packet.id {
            before.extend_from_slice(part(0, payload.start));
        } else {
            before.extend_from_slice(part(0, number.start));
            jce::put_int(packet.id_tag(), id as u32 as i32, before);
            before.extend_from_slice(part(number.end, payload.start));
        }
        match fields.filter(|_| packet.has_texts(raw)) {
            Some(fields) => {
                let context = packet.context.range();
                after.extend_from_slice(part(payload.end, context.start));
                packet.put_context(fields, after);
                after.extend_from_slice(part(context.end, raw.len()));
            }
            None => after.extend_from_slice(part(payload.end, raw.len())),
        }
        let len = before.len() - start + payload.len() + after.len() - end;
        match (i32::try_from(len), before.get_mut(start..start + LENGTH)) {
            (Ok(len), Some(place)) => place.copy_from_slice(&len.to_be_bytes()),
            _ => {
                before.truncate(start);
                after.truncate(end);
                return Err(FrameError::new("the fields are too long for a TARS frame"));
            }
        }
        Ok(())
    }

    fn reply(&self, request: &Envelope, status: u16, text: &str, out: &mut BytesMut) {
        build::answer(request, result(status), text, b"", out);
    }

    /// A call of `tars_ping` on no servant in particular: a server that does not know it answers all the same.
    fn heartbeat(&self, id: u64, out: &mut BytesMut) -> bool {
        let ping = Request { id, function: PING, timeout: PING_TIMEOUT, ..Request::default() };
        ping.write(out).is_ok()
    }

    /// Nothing when the heartbeat wants no answer: TARS' Go clients send it one-way.
    fn heartbeat_ack(&self, heartbeat: &Envelope, out: &mut BytesMut) {
        if !packet::is_one_way(&heartbeat.raw) {
            build::answer(heartbeat, 0, "", build::returned_zero(heartbeat.serialization), out);
        }
    }

    fn go_away(&self, _id: u64, _out: &mut BytesMut) -> bool {
        false
    }

    /// What a server sends in TUP with the fields of a request is the answer to one. Only an answer that failed says so.
    fn received_from_server(&self, frame: &mut Envelope) {
        let has_fields_of_requests = matches!(frame.kind, Kind::Request | Kind::OneWay | Kind::Heartbeat);
        if has_fields_of_requests && frame.serialization != build::TARS {
            frame.kind = Kind::Response;
            frame.timeout = std::time::Duration::ZERO;
        }
    }
}

/// How long a heartbeat may wait in the server's queue.
const PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

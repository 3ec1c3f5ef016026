//! TARS packets of our own making, whole: answers, heartbeats, and what tests and benchmarks send.

use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::jce::{put_bytes, put_entry, put_int, put_map, put_text};
use super::packet::{Packet, RESULT_CODE, RESULT_DESC};
use super::{FrameError, LENGTH};
use crate::rpc::Envelope;

/// The version of packets whose payload is TARS' own; 2 and 3 are TUP's.
pub(super) const TARS: u8 = 1;
/// The result "anything else that went wrong".
pub(super) const UNKNOWN: i32 = -99;
/// The function that every servant has, to be asked whether it is there.
pub const PING: &[u8] = b"tars_ping";

type Texts<'a> = &'a [(&'a [u8], &'a [u8])];

/// A request to be written. In TUP answers are written so too.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// 1, or 2 and 3 for TUP.
    pub version: u8,
    /// Whether no answer is wanted.
    pub one_way: bool,
    /// Its number; the lower 32 bits count.
    pub id: u64,
    /// The service that is called.
    pub servant: &'a [u8],
    /// The method that is called.
    pub function: &'a [u8],
    /// What belongs to the application.
    pub payload: &'a [u8],
    /// How long its sender waits; zero = not said. In milliseconds at most `i32::MAX`.
    pub timeout: Duration,
    /// The context: what is offered as fields.
    pub context: Texts<'a>,
    /// What TARS' own framework adds.
    pub status: Texts<'a>,
}

impl Default for Request<'_> {
    /// An empty one of version 1, numbered 0.
    fn default() -> Self {
        Request {
            version: TARS,
            one_way: false,
            id: 0,
            servant: b"",
            function: b"",
            payload: b"",
            timeout: Duration::ZERO,
            context: &[],
            status: &[],
        }
    }
}

impl Request<'_> {
    /// Appends the frame.
    ///
    /// # Errors
    /// When it would have 2 GiB or more; nothing is appended then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        framed(out, |out| {
            put_int(1, self.version.into(), out);
            put_int(2, self.one_way.into(), out);
            put_int(3, 0, out);
            put_int(4, self.id as u32 as i32, out);
            put_text(5, self.servant, out);
            put_text(6, self.function, out);
            put_bytes(7, self.payload, out);
            put_int(8, i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX), out);
            put_texts(9, self.context, out);
            put_texts(10, self.status, out);
        })
    }
}

/// A response to be written, of version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// The number of the request that it answers; the lower 32 bits count.
    pub id: u64,
    /// TARS' result; 0 is success.
    pub result: i32,
    /// What the result means.
    pub description: &'a [u8],
    /// What belongs to the application.
    pub payload: &'a [u8],
    /// The context: what is offered as fields.
    pub context: Texts<'a>,
}

impl Response<'_> {
    /// Appends the frame.
    ///
    /// # Errors
    /// When it would have 2 GiB or more; nothing is appended then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        framed(out, |out| {
            put_int(1, TARS.into(), out);
            put_int(2, 0, out);
            put_int(3, self.id as u32 as i32, out);
            put_int(4, 0, out);
            put_int(5, self.result, out);
            put_bytes(6, self.payload, out);
            put_texts(7, &[], out);
            put_text(8, self.description, out);
            put_texts(9, self.context, out);
        })
    }
}

/// Answers a request in its own version.
pub(super) fn answer(request: &Envelope, result: i32, text: &str, payload: &[u8], out: &mut BytesMut) {
    let description = text.as_bytes();
    // Neither answer comes near the length at which writing fails: what it repeats was read in one frame.
    if request.serialization == TARS {
        let response = Response { id: request.id, result, description, payload, context: &[] };
        let _ = response.write(out);
        return;
    }
    let called = Packet::read(&request.raw);
    let (servant, function) = called.as_ref().map(|packet| packet.called(&request.raw)).unwrap_or_default();
    let code = result.to_string();
    let response = Request {
        version: request.serialization,
        id: request.id,
        servant,
        function,
        payload: if payload.is_empty() { NO_ATTRIBUTES } else { payload },
        status: &[(RESULT_CODE, code.as_bytes()), (RESULT_DESC, description)],
        ..Request::default()
    };
    let _ = response.write(out);
}

/// TUP's payload is a map of what is handed over; an empty one.
const NO_ATTRIBUTES: &[u8] = &[0x08, 0x0c];

/// The payload of an answer from a function that returned the number 0, as `tars_ping` does: field 0 of a TARS payload,
/// and the attribute without a name in TUP. Version 2 of the packet names its type as well; it gets none.
pub(super) fn returned_zero(version: u8) -> &'static [u8] {
    match version {
        TARS => &[0x0c],
        3 => &[0x08, 0x00, 0x01, 0x06, 0x00, 0x1d, 0x00, 0x00, 0x01, 0x0c],
        _ => NO_ATTRIBUTES,
    }
}

fn put_texts(tag: u8, texts: Texts<'_>, out: &mut BytesMut) {
    put_map(tag, texts.len(), out);
    for (name, value) in texts {
        put_entry(name, value, out);
    }
}

/// Writes a packet and the length before it.
fn framed(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) -> Result<(), FrameError> {
    let at = out.len();
    out.put_bytes(0, LENGTH);
    write(out);
    match (i32::try_from(out.len() - at), out.get_mut(at..at + LENGTH)) {
        (Ok(len), Some(place)) => {
            place.copy_from_slice(&len.to_be_bytes());
            Ok(())
        }
        _ => {
            out.truncate(at);
            Err(FrameError::new("a TARS frame can't have 2 GiB"))
        }
    }
}

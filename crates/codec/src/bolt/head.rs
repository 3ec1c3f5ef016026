//! The head of a Bolt frame: where each version keeps what. Read by the codec, and for detection.

use std::time::Duration;

use bytes::{Buf, Bytes};

use super::http_status;
use crate::detect::Verdict;
use crate::http1::Span;
use crate::rpc::{Envelope, FrameError, Kind, Protocol};

/// Commands (MOSN reference 2.3).
pub(super) const HEARTBEAT: u16 = 0;
pub(super) const REQUEST: u16 = 1;
pub(super) const RESPONSE: u16 = 2;
pub(super) const GO_AWAY: u16 = 100;

/// Types of frames.
pub(super) const TYPE_RESPONSE: u8 = 0;
pub(super) const TYPE_REQUEST: u8 = 1;
pub(super) const TYPE_ONE_WAY: u8 = 2;

/// The bytes of the three lengths that a head ends in: class and block 2 each, content 4.
pub(super) const LENGTHS: usize = 8;
const CHECKSUM: usize = 4;
/// Where version 2 keeps its own version and its switches.
const VERSION_AT: usize = 1;
const SWITCH_AT: usize = 11;

/// Where a version keeps what, in bytes from the start of the frame.
struct Layout {
    kind_at: usize,
    id_at: usize,
    request: usize,
    response: usize,
}

const fn layout(protocol: Protocol) -> Layout {
    match protocol {
        Protocol::BoltV2 => Layout { kind_at: 2, id_at: 6, request: 24, response: 22 },
        _ => Layout { kind_at: 1, id_at: 5, request: 22, response: 20 },
    }
}

/// The first byte of a frame.
pub(super) const fn code(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::BoltV2 => 2,
        _ => 1,
    }
}

/// What a head says.
pub(super) struct Head {
    pub(super) protocol: Protocol,
    pub(super) kind: Kind,
    pub(super) id: u32,
    pub(super) serialization: u8,
    pub(super) timeout: Duration,
    pub(super) status: u16,
    pub(super) class: Span,
    pub(super) block: Span,
    pub(super) content: Span,
    pub(super) has_checksum: bool,
    /// How many bytes the whole frame has.
    pub(super) frame: usize,
}

impl Head {
    /// Reads the head at the front of `buf`; the inner error is how many bytes are needed at least.
    pub(super) fn read(buf: &[u8]) -> Result<Result<Head, usize>, FrameError> {
        let protocol = match buf.first() {
            None => return Ok(Err(layout(Protocol::Bolt).response)),
            Some(1) => Protocol::Bolt,
            Some(2) => Protocol::BoltV2,
            Some(_) => return Err(FrameError::new("a Bolt frame begins with neither 1 nor 2")),
        };
        let Layout { kind_at, request, response, .. } = layout(protocol);
        let (len, is_response) = match buf.get(kind_at) {
            None => return Ok(Err(response)),
            Some(&TYPE_RESPONSE) => (response, true),
            Some(&(TYPE_REQUEST | TYPE_ONE_WAY)) => (request, false),
            Some(_) => return Err(FrameError::new("the type of a Bolt frame is none of 0, 1 and 2")),
        };
        let Some(mut rest) = buf.get(kind_at..len) else { return Ok(Err(len)) };
        // The slice has the length of the layout, so each of these finds its bytes.
        let kind = kind(rest.get_u8(), rest.get_u16());
        rest.advance(1);
        let (id, serialization) = (rest.get_u32(), rest.get_u8());
        let has_checksum = protocol == Protocol::BoltV2 && {
            rest.advance(1);
            is_checked(buf)
        };
        let (status, timeout) =
            if is_response { (rest.get_u16(), 0) } else { (0, u64::try_from(rest.get_i32()).unwrap_or(0)) };
        let class = Span::new(len, rest.get_u16().into());
        let block = Span::new(class.range().end, rest.get_u16().into());
        let content = Span::new(block.range().end, rest.get_u32() as usize);
        let frame = content.range().end + if has_checksum { CHECKSUM } else { 0 };
        let timeout = Duration::from_millis(timeout);
        Ok(Ok(Head {
            protocol,
            kind,
            id,
            serialization,
            timeout,
            status,
            class,
            block,
            content,
            has_checksum,
            frame,
        }))
    }

    /// The error about this frame, which was not read whole.
    pub(super) fn refuse(mut self, error: FrameError, input: &[u8]) -> FrameError {
        if self.kind != Kind::Request {
            return error;
        }
        let start = input.get(..self.class.at as usize).unwrap_or_default();
        self.block = Span::new(start.len(), 0);
        self.content = self.block;
        error.about(self.envelope(Bytes::copy_from_slice(start)))
    }

    pub(super) fn envelope(self, raw: Bytes) -> Envelope {
        Envelope {
            raw,
            id: self.id.into(),
            payload: self.content,
            fields_at: self.block,
            timeout: self.timeout,
            status: if self.kind == Kind::Response { http_status(self.status) } else { 200 },
            code: self.status,
            protocol: self.protocol,
            kind: self.kind,
            serialization: self.serialization,
        }
    }
}

/// An unknown command is a request or a response all the same: whoever it is for may know it.
fn kind(of: u8, command: u16) -> Kind {
    match (of, command) {
        (TYPE_RESPONSE, HEARTBEAT) => Kind::HeartbeatAck,
        (TYPE_RESPONSE, _) => Kind::Response,
        (_, HEARTBEAT) => Kind::Heartbeat,
        (_, GO_AWAY) => Kind::GoAway,
        (TYPE_ONE_WAY, _) => Kind::OneWay,
        _ => Kind::Request,
    }
}

/// Judges the first bytes of a connection.
pub(super) fn matches(buf: &[u8], protocol: Protocol) -> Verdict {
    let at = layout(protocol).kind_at;
    let known = [HEARTBEAT, REQUEST, RESPONSE, GO_AWAY];
    let is = |at: usize, fits: &dyn Fn(u8) -> bool| buf.get(at).is_none_or(|byte| fits(*byte));
    if !is(0, &|byte| byte == code(protocol))
        || !is(at, &|byte| byte <= TYPE_ONE_WAY)
        || !is(at + 1, &|byte| byte == 0)
        || !is(at + 2, &|byte| known.contains(&byte.into()))
    {
        return Verdict::NoMatch;
    }
    if buf.len() > at + 2 { Verdict::Match } else { Verdict::More }
}

/// Writes the number into the head that `frame` begins with.
pub(super) fn put_id(protocol: Protocol, id: u64, frame: &mut [u8]) {
    let at = layout(protocol).id_at;
    if let Some(place) = frame.get_mut(at..at + 4) {
        place.copy_from_slice(&(id as u32).to_be_bytes());
    }
}

/// Where the class of a frame stands.
pub(super) fn class(frame: &Envelope) -> Span {
    let Layout { kind_at, request, response, .. } = layout(frame.protocol);
    let len = if frame.raw.get(kind_at) == Some(&TYPE_RESPONSE) { response } else { request };
    Span::new(len, (frame.fields_at.at as usize).saturating_sub(len))
}

/// Whether a frame ends in a checksum.
pub(super) fn has_checksum(frame: &Envelope) -> bool {
    frame.protocol == Protocol::BoltV2 && is_checked(&frame.raw)
}

/// SOFABolt writes a checksum when the switch's lowest bit is set and the version within version 2 is 2.
fn is_checked(frame: &[u8]) -> bool {
    frame.get(VERSION_AT) == Some(&2) && frame.get(SWITCH_AT).is_some_and(|switch| switch & 1 == 1)
}

//! SOFA Bolt, versions 1 and 2: what SOFARPC speaks (MOSN reference 2.3). A frame is a head of fixed layout, the class of
//! its content, a block of header fields, and the content; version 2 may end in a checksum over all before it.
//!
//! A connection may carry both versions, so both codecs read both and tell them apart by the first byte; they differ in
//! what they write of their own accord (heartbeats, go-away). The number of a frame has 32 bits.
//!
//! What a frame says of a call stands in its block of fields, where SOFARPC writes it. A block in another format is the
//! application's own (its serializer may put there what it likes): the frame then travels as it came, without fields.

mod block;
mod build;
mod head;
mod sofa;
mod status;

#[cfg(test)]
mod tests;

use bytes::{BufMut, BytesMut};

use crate::detect::Verdict;
use crate::http1::Field;
use crate::rpc::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Limits, Protocol};

use build::Start;
use head::{GO_AWAY, HEARTBEAT, Head, RESPONSE};

pub use build::{HESSIAN2, LONGEST_PART, Request, Response};
pub use status::{http_status, status};

/// Judges whether a connection opens with a frame of version 1: its first byte, its type and its command.
pub fn matches_v1(buf: &[u8]) -> Verdict {
    head::matches(buf, Protocol::Bolt)
}

/// Judges whether a connection opens with a frame of version 2: its first byte, its type and its command.
pub fn matches_v2(buf: &[u8]) -> Verdict {
    head::matches(buf, Protocol::BoltV2)
}

/// The codec of both versions. The protocol is the one in which it writes what nobody asked for.
pub struct Bolt(Protocol);

/// Version 1.
pub static V1: Bolt = Bolt(Protocol::Bolt);
/// Version 2.
pub static V2: Bolt = Bolt(Protocol::BoltV2);

impl Codec for Bolt {
    fn protocol(&self) -> Protocol {
        self.0
    }

    fn decode(
        &self,
        input: &mut BytesMut,
        limits: &Limits,
        fields: &mut Vec<Field>,
    ) -> Result<Decoded, FrameError> {
        // Spans use the highest bit of positions for other purposes.
        let limit = limits.frame.min(i32::MAX as usize);
        let head = match Head::read(input)? {
            Ok(head) => head,
            Err(need) if need > limit => return Err(TOO_LARGE),
            Err(need) => return Ok(Decoded::More { need }),
        };
        if head.frame > limit {
            return Err(head.refuse(TOO_LARGE, input));
        }
        if input.len() < head.frame {
            return Ok(Decoded::More { need: head.frame });
        }
        let raw = input.split_to(head.frame).freeze();
        if head.has_checksum && !is_intact(&raw) {
            return Err(FrameError::new("the checksum of a Bolt frame does not fit its bytes"));
        }
        block::collect(&raw, &head, fields);
        Ok(Decoded::Frame(head.envelope(raw)))
    }

    fn forward(
        &self,
        frame: &Envelope,
        id: u64,
        fields: Option<&[FieldView<'_>]>,
        out: Around<'_>,
    ) -> Result<(), FrameError> {
        let Around { before, after } = out;
        let start = before.len();
        before.extend_from_slice(frame.raw.get(..frame.payload.at as usize).unwrap_or_default());
        if let Some(fields) = fields
            && let Err(error) = block::rewrite(frame, fields, start, before)
        {
            before.truncate(start);
            return Err(error);
        }
        let written = before.get_mut(start..).unwrap_or_default();
        head::put_id(frame.protocol, id, written);
        if head::has_checksum(frame) {
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(written);
            checksum.update(frame.payload());
            after.put_u32(checksum.finalize());
        }
        Ok(())
    }

    /// The answer has neither class nor content: SOFABolt and sofa-bolt-node make an exception of the status alone, and
    /// there is no place for a text that both would show.
    fn reply(&self, request: &Envelope, status: u16, _text: &str, out: &mut BytesMut) {
        Start::answer(request, RESPONSE, self::status(status)).write(out);
    }

    fn heartbeat(&self, id: u64, out: &mut BytesMut) -> bool {
        Start::command(self.0, HEARTBEAT, id).write(out);
        true
    }

    fn heartbeat_ack(&self, heartbeat: &Envelope, out: &mut BytesMut) {
        Start::answer(heartbeat, HEARTBEAT, 0).write(out);
    }

    /// SOFABolt 1.6 does not know the command and closes the connection at once, so MOSN says it only when its
    /// configuration asks for it (MOSN reference 1.5: `enable_bolt_goaway`).
    fn go_away(&self, id: u64, out: &mut BytesMut) -> bool {
        Start::command(self.0, GO_AWAY, id).write(out);
        true
    }
}

const TOO_LARGE: FrameError = FrameError::too_large("a Bolt frame is larger than the limit");

/// Whether the checksum at the end of a frame fits: CRC-32 as in zip, over all bytes before it.
fn is_intact(raw: &[u8]) -> bool {
    raw.split_last_chunk().is_some_and(|(rest, sum)| crc32fast::hash(rest) == u32::from_be_bytes(*sum))
}

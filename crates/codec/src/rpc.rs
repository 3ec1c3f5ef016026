//! What RPC protocols have in common: a connection carries frames, each with a number that its answer repeats, and
//! answers may come in any order. A frame is read whole and travels whole: its bytes are shared, never taken apart, and
//! what routing wants to know of it is spans into them. Forwarding writes the same bytes under another number; only
//! when somebody changed its fields is the part that holds them written anew, around the untouched payload.
//!
//! Each protocol is a file beside this one with a [`Codec`]; [`Protocol::codec`] is the table over them.

mod error;
mod names;
#[cfg(test)]
pub(crate) mod testing;

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::http1::{Field, Span};

pub use error::FrameError;
pub use names::{NAMES, is_own, name, own_name};

/// An RPC protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// SOFA Bolt, version 1.
    Bolt,
    /// SOFA Bolt, version 2. A connection may carry both versions.
    BoltV2,
    /// Dubbo 2.
    Dubbo,
    /// Thrift in Dubbo's framing.
    DubboThrift,
    /// TARS.
    Tars,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 5] =
        [Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo, Protocol::DubboThrift, Protocol::Tars];

    /// MOSN's name (MOSN reference 2.3).
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Bolt => "bolt",
            Protocol::BoltV2 => "boltv2",
            Protocol::Dubbo => "dubbo",
            Protocol::DubboThrift => "dubbo-thrift",
            Protocol::Tars => "tars",
        }
    }

    /// Whether a connection of this protocol may carry frames of `other`.
    pub fn carries(self, other: Protocol) -> bool {
        let is_bolt = |protocol| matches!(protocol, Protocol::Bolt | Protocol::BoltV2);
        self == other || (is_bolt(self) && is_bolt(other))
    }

    /// Its codec.
    pub fn codec(self) -> &'static dyn Codec {
        match self {
            Protocol::Bolt => &crate::bolt::V1,
            Protocol::BoltV2 => &crate::bolt::V2,
            Protocol::Dubbo => &crate::dubbo::Dubbo,
            Protocol::DubboThrift => &crate::dubbo_thrift::DubboThrift,
            Protocol::Tars => &crate::tars::Tars,
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request that is answered.
    Request,
    /// A request that is not answered.
    OneWay,
    /// An answer.
    Response,
    /// "Are you there?"
    Heartbeat,
    /// "I am."
    HeartbeatAck,
    /// "Send me no more requests on this connection": Bolt's goaway, Dubbo's read-only event.
    GoAway,
}

/// A frame, but for its fields. Cheap to clone: the bytes are shared.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The whole frame as it came.
    pub raw: Bytes,
    /// The number that request and response share, as the frame's sender chose it.
    pub id: u64,
    /// What belongs to the application, in `raw`: never changed, only moved.
    pub payload: Span,
    /// For the codec's own use when it forwards the frame: where the part stands that holds the fields.
    pub fields_at: Span,
    /// How long the sender of a request waits for the answer; zero = the frame doesn't say.
    pub timeout: Duration,
    /// Of a response: the HTTP status that its own status means (MOSN reference 2.3). Of anything else 200.
    pub status: u16,
    /// The status of a response as the frame spells it; 0 of anything else.
    pub code: u16,
    /// The version of the frame.
    pub protocol: Protocol,
    /// What it is.
    pub kind: Kind,
    /// The number of the payload's serialisation, by the protocol's own table.
    pub serialization: u8,
}

impl Envelope {
    /// The application's bytes.
    pub fn payload(&self) -> &[u8] {
        self.payload.slice(&self.raw)
    }
}

/// What [`Codec::decode`] came to.
#[derive(Debug)]
pub enum Decoded {
    /// A frame. Its fields are in the list that was lent.
    Frame(Envelope),
    /// More bytes are needed.
    More {
        /// How many bytes the frame has as far as is known: more than were offered, and no more than the limit.
        need: usize,
    },
}

/// How large a frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a frame, head included.
    pub frame: usize,
}

impl Default for Limits {
    /// 16 MiB: twice what Dubbo allows by default.
    fn default() -> Self {
        Limits { frame: 16 << 20 }
    }
}

/// A field of a frame that is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldView<'a> {
    /// Its name as it came.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Whether the name is one of [`NAMES`]: the field stands for a part of the frame that has a place of its own
    /// (Dubbo's path, version and method), or repeats another field (Bolt); it is not in the block of fields.
    pub own: bool,
}

/// Where a codec writes a frame around its payload.
pub struct Around<'o> {
    /// What stands before the payload.
    pub before: &'o mut BytesMut,
    /// What stands after it.
    pub after: &'o mut BytesMut,
}

/// A protocol's frames. Without state: whatever a frame needs stands in it.
pub trait Codec: Sync {
    /// The protocol, and the version in which frames of our own making are written.
    fn protocol(&self) -> Protocol;

    /// Takes the next frame off the front of `input`. `fields` is empty and receives its fields as spans into the frame:
    /// first those that every protocol has a word for ([`name`]), then the frame's own in order.
    ///
    /// Every length in the frame is checked against `limits` and against what encloses it before anything relies on it.
    /// What is not understood inside a frame (an unknown serialisation, arguments too deep to be followed) is no error:
    /// the frame then has fewer fields.
    ///
    /// # Errors
    /// When the bytes can't be a frame; what follows on the connection can't be understood either.
    fn decode(
        &self,
        input: &mut BytesMut,
        limits: &Limits,
        fields: &mut Vec<Field>,
    ) -> Result<Decoded, FrameError>;

    /// Writes a frame that [`Codec::decode`] gave under another number, in two parts: what stands before and after its
    /// payload. Without `fields` every other byte is as it came. With them the block of fields holds exactly these
    /// (where the protocol and the frame have one; else it stays as it came), and lengths and checksums follow.
    ///
    /// # Errors
    /// When the fields don't fit into the frame's lengths; nothing is to be sent then.
    fn forward(
        &self,
        frame: &Envelope,
        id: u64,
        fields: Option<&[FieldView<'_>]>,
        out: Around<'_>,
    ) -> Result<(), FrameError>;

    /// Writes an answer of our own to `request`: the protocol's status for this HTTP status (MOSN reference 2.3), and
    /// the text where the protocol has a place for one.
    fn reply(&self, request: &Envelope, status: u16, text: &str, out: &mut BytesMut);

    /// Writes a heartbeat with this number; `false` when the protocol has none.
    fn heartbeat(&self, id: u64, out: &mut BytesMut) -> bool;

    /// Answers a heartbeat.
    fn heartbeat_ack(&self, heartbeat: &Envelope, out: &mut BytesMut);

    /// Tells the peer to send no more requests; `false` when the protocol has no word for that.
    fn go_away(&self, id: u64, out: &mut BytesMut) -> bool;

    /// Corrects what a frame seems to be when it came from a server, where the bytes alone don't tell: TUP's answers look
    /// like requests.
    fn received_from_server(&self, _frame: &mut Envelope) {}
}

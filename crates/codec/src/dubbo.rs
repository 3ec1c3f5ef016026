//! Dubbo 2: a head of 16 bytes, then a body in one of several serialisations (MOSN reference 2.3). Of bodies in
//! Hessian 2.0 the names of what is called and the attachments are read, and can be written anew; the arguments
//! between them are skipped. A body in any other serialisation, or with arguments that can't be followed, passes
//! untouched with as many fields as could be read.
//!
//! Fields of a request: `dubbo`, `service` (the path), `version` and `method` as they stand in front of the arguments
//! (`$invoke` stays `$invoke`: what a generic call means is in its arguments), then the attachments. Fields of a
//! response: its attachments. An attachment is a field when its name could be one in HTTP and its value is a string
//! in one piece of UTF-8 without control characters; all others travel on unseen. No more than [`MAX_FIELDS`]
//! attachments are fields.

mod attachments;
mod body;
pub mod build;
mod decode;
mod descriptor;
mod forward;
mod header;
mod local;

use bytes::BytesMut;

use crate::detect::Verdict;
use crate::http1::Field;
use crate::rpc::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Limits, Protocol};

pub use attachments::MAX_FIELDS;
pub use body::{Outcome, outcome};
pub use descriptor::count as parameters;

/// What every frame begins with.
const MAGIC: [u8; 2] = [0xda, 0xbb];

/// The number of Hessian 2.0 among Dubbo's serialisations.
pub const HESSIAN2: u8 = 2;

/// Judges the first bytes of a connection: two of them decide.
pub fn matches(buf: &[u8]) -> Verdict {
    match buf.first_chunk::<2>() {
        Some(first) if *first == MAGIC => Verdict::Match,
        None if MAGIC.starts_with(buf) => Verdict::More,
        _ => Verdict::NoMatch,
    }
}

/// The codec.
pub struct Dubbo;

impl Codec for Dubbo {
    fn protocol(&self) -> Protocol {
        Protocol::Dubbo
    }

    fn decode(
        &self,
        input: &mut BytesMut,
        limits: &Limits,
        fields: &mut Vec<Field>,
    ) -> Result<Decoded, FrameError> {
        decode::decode(input, limits, fields)
    }

    fn forward(
        &self,
        frame: &Envelope,
        id: u64,
        fields: Option<&[FieldView<'_>]>,
        out: Around<'_>,
    ) -> Result<(), FrameError> {
        forward::forward(frame, id, fields, out)
    }

    fn reply(&self, request: &Envelope, status: u16, text: &str, out: &mut BytesMut) {
        local::reply(request.id, status, text, out);
    }

    fn heartbeat(&self, id: u64, out: &mut BytesMut) -> bool {
        local::heartbeat(id, out);
        true
    }

    fn heartbeat_ack(&self, heartbeat: &Envelope, out: &mut BytesMut) {
        local::heartbeat_ack(heartbeat, out);
    }

    fn go_away(&self, id: u64, out: &mut BytesMut) -> bool {
        local::read_only(id, out);
        true
    }
}

#[cfg(test)]
mod tests;

//! Being written.

use bytes::BytesMut;

use crate::detect::Verdict;
use crate::http1::Field;
use crate::rpc::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Limits, Protocol};

/// Detection.
pub fn matches(_buf: &[u8]) -> Verdict {
    Verdict::NoMatch
}

/// The codec.
pub struct Dubbo;

impl Codec for Dubbo {
    fn protocol(&self) -> Protocol {
        Protocol::Dubbo
    }
    fn decode(&self, _: &mut BytesMut, _: &Limits, _: &mut Vec<Field>) -> Result<Decoded, FrameError> {
        Err(FrameError::new("being written"))
    }
    fn forward(&self, _: &Envelope, _: u64, _: Option<&[FieldView<'_>]>, _: Around<'_>) -> Result<(), FrameError> {
        Err(FrameError::new("being written"))
    }
    fn reply(&self, _: &Envelope, _: u16, _: &str, _: &mut BytesMut) {}
    fn heartbeat(&self, _: u64, _: &mut BytesMut) -> bool {
        false
    }
    fn heartbeat_ack(&self, _: &Envelope, _: &mut BytesMut) {}
    fn go_away(&self, _: u64, _: &mut BytesMut) -> bool {
        false
    }
}

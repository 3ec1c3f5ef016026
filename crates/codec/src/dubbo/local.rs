//! Frames of our own making, all in Hessian 2.0: a reader goes by the serialisation that the frame itself names,
//! whatever it sent, so an error in Hessian also reaches a consumer that calls in another one.

use bytes::{BufMut, BytesMut};

use super::body::FIRST_KIND;
use super::header::{self, EVENT, OK, REQUEST, TWO_WAY};
use crate::hessian2::text::write_string;
use crate::rpc::Envelope;

/// Answers a request with MOSN's status and text (MOSN reference 2.3). A status of 200 is a value: the text, or null when
/// that is empty.
pub(super) fn reply(id: u64, status: u16, text: &str, out: &mut BytesMut) {
    let code = header::dubbo_status(status);
    header::write(0, code, id, out, |out| match (code, text) {
        (OK, "") => out.put_u8(FIRST_KIND + 2),
        (OK, text) => {
            out.put_u8(FIRST_KIND + 1);
            write_string(text, out);
        }
        _ => write_string(&format!("{status}|{text}"), out),
    });
}

/// An event without data that is to be answered.
pub(super) fn heartbeat(id: u64, out: &mut BytesMut) {
    header::write(REQUEST | TWO_WAY | EVENT, 0, id, out, |out| out.put_u8(b'N'));
}

/// The same event as a response. What the heartbeat holds is null in its own serialisation, and stands in the answer
/// too.
pub(super) fn heartbeat_ack(heartbeat: &Envelope, out: &mut BytesMut) {
    /// No serialisation takes more for a null.
    const LONGEST: usize = 64;
    let body = heartbeat.payload();
    if body.is_empty() || body.len() > LONGEST {
        return header::write(EVENT, OK, heartbeat.id, out, |out| out.put_u8(b'N'));
    }
    header::write_as(heartbeat.serialization, EVENT, OK, heartbeat.id, out, |out| out.put_slice(body));
}

/// The event "R" as Dubbo's providers send it when they shut down: nobody answers it.
pub(super) fn read_only(id: u64, out: &mut BytesMut) {
    header::write(REQUEST | EVENT, 0, id, out, |out| write_string("R", out));
}

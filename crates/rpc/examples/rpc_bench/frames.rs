//! What is sent: a request and an answer with 1 KiB for the application each, with what real clients of the protocol put
//! around it. Written once; only the numbers of frames are written again.

use std::ops::Range;
use std::time::Duration;

use bytes::BytesMut;
use mecha_codec::rpc::{Decoded, Envelope, Limits, Protocol};
use mecha_codec::{bolt, dubbo};

use crate::http1;

/// Bytes of the application in each frame.
pub(crate) const PAYLOAD: usize = 1024;

const DUBBO_SERVICE: &str = "org.apache.dubbo.samples.api.GreetingsService";
const BOLT_SERVICE: &[u8] = b"com.alipay.sofa.samples.GreetingsService:1.0";

/// What is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Http1,
    Rpc(Protocol),
}

/// What is said in one protocol.
pub(crate) struct Frames {
    wire: Wire,
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
    heartbeat_ack: Vec<u8>,
}

/// A frame in a buffer, as far as it matters here.
pub(crate) struct Seen {
    pub(crate) len: usize,
    /// HTTP/1 has none.
    pub(crate) id: Option<u64>,
    /// Whether it asks if somebody is there.
    pub(crate) is_heartbeat: bool,
    /// Of a response: whether it says that all went well, and is as long as it should be.
    pub(crate) is_good: bool,
}

impl Frames {
    pub(crate) fn of(wire: Wire) -> Result<Self, String> {
        let Wire::Rpc(protocol) = wire else {
            let (request, response) = (http1::request(), http1::response());
            return Ok(Frames { wire, request, response, heartbeat_ack: Vec::new() });
        };
        let (mut request, mut response) = (BytesMut::new(), BytesMut::new());
        if protocol == Protocol::Dubbo {
            dubbo_frames(&mut request, &mut response);
        } else {
            bolt_frames(protocol, &mut request, &mut response).map_err(|error| error.reason.to_owned())?;
        }
        let (mut heartbeat, mut ack) = (BytesMut::new(), BytesMut::new());
        protocol.codec().heartbeat(0, &mut heartbeat);
        protocol.codec().heartbeat_ack(&decoded(protocol, heartbeat)?, &mut ack);
        Ok(Frames {
            wire,
            request: request.to_vec(),
            response: response.to_vec(),
            heartbeat_ack: ack.to_vec(),
        })
    }

    /// Where the number stands; nowhere in HTTP/1.
    fn id_at(&self) -> Range<usize> {
        match self.wire {
            Wire::Http1 => 0..0,
            Wire::Rpc(Protocol::Bolt) => 5..9,
            Wire::Rpc(Protocol::BoltV2) => 6..10,
            Wire::Rpc(_) => 4..12,
        }
    }

    /// Appends a frame with this number.
    fn put(&self, frame: &[u8], id: u64, out: &mut Vec<u8>) {
        let (start, at) = (out.len(), self.id_at());
        out.extend_from_slice(frame);
        let number = id.to_be_bytes();
        let len = at.len();
        out[start + at.start..start + at.end].copy_from_slice(&number[number.len() - len..]);
    }

    /// Appends a request.
    pub(crate) fn ask(&self, id: u64, out: &mut Vec<u8>) {
        self.put(&self.request, id, out);
    }

    /// Appends the answer to what came.
    pub(crate) fn answer(&self, seen: &Seen, out: &mut Vec<u8>) {
        let frame = if seen.is_heartbeat { &self.heartbeat_ack } else { &self.response };
        self.put(frame, seen.id.unwrap_or_default(), out);
    }

    /// The frame at the start of `bytes`, if all of it is there.
    pub(crate) fn see(&self, bytes: &[u8]) -> Option<Seen> {
        let Wire::Rpc(protocol) = self.wire else { return http1::see(bytes) };
        // The longest head of the three, and no frame that is sent here is shorter, but for those that are a head alone.
        if bytes.len() < 16 {
            return None;
        }
        let word = |at: usize| usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
        let id = bytes[self.id_at()].iter().fold(0, |id, byte| id << 8 | u64::from(*byte));
        let (len, is_heartbeat, is_good) = if protocol == Protocol::Dubbo {
            (16 + (word(12) << 16 | word(14)), bytes[2] & 0x20 != 0, bytes[3] == 20)
        } else {
            // Version 2 has one byte more before the type, and another before the status.
            let shift = usize::from(protocol == Protocol::BoltV2);
            let is_response = bytes[1 + shift] == 0;
            let lengths = if is_response { 12 } else { 14 } + 2 * shift;
            if bytes.len() < lengths + 8 {
                return None;
            }
            let parts = word(lengths) + word(lengths + 2) + (word(lengths + 4) << 16 | word(lengths + 6));
            let is_good = is_response && word(10 + 2 * shift) == 0;
            (lengths + 8 + parts, word(2 + shift) == 0, is_good)
        };
        let is_good = is_good && len == self.response.len();
        (bytes.len() >= len).then_some(Seen { len, id: Some(id), is_heartbeat, is_good })
    }
}

/// The whole frame in `bytes`.
fn decoded(protocol: Protocol, mut bytes: BytesMut) -> Result<Envelope, String> {
    match protocol.codec().decode(&mut bytes, &Limits::default(), &mut Vec::new()) {
        Ok(Decoded::Frame(frame)) => Ok(frame),
        other => Err(format!("a frame of our own making is none: {other:?}")),
    }
}

/// As SOFARPC's Java client and server write them.
fn bolt_frames(
    protocol: Protocol,
    request: &mut BytesMut,
    response: &mut BytesMut,
) -> Result<(), mecha_codec::rpc::FrameError> {
    bolt::Request {
        protocol,
        timeout: Duration::from_secs(15),
        class: b"com.alipay.sofa.rpc.core.request.SofaRequest",
        fields: &[
            (b"service", BOLT_SERVICE),
            (b"sofa_head_target_service", BOLT_SERVICE),
            (b"sofa_head_method_name", b"sayHello"),
            (b"sofa_head_target_app", b"greetings"),
            (b"rpc_trace_context.sofaTraceId", b"0a0fe8ec1530175110001100123456"),
            (b"rpc_trace_context.sofaRpcId", b"0"),
            (b"rpc_trace_context.sofaCallerApp", b"greetings-client"),
            (b"type", b"sync"),
        ],
        content: &[b'a'; PAYLOAD],
        ..bolt::Request::default()
    }
    .write(request)?;
    bolt::Response {
        protocol,
        class: b"com.alipay.sofa.rpc.core.response.SofaResponse",
        content: &[b'a'; PAYLOAD],
        ..bolt::Response::default()
    }
    .write(response)
}

/// As Dubbo's Java consumer and provider write them, a string there and a string back.
fn dubbo_frames(request: &mut BytesMut, response: &mut BytesMut) {
    let mut text = vec![b'S', (PAYLOAD >> 8) as u8, PAYLOAD as u8];
    text.resize(text.len() + PAYLOAD, b'a');
    dubbo::build::Request {
        id: 0,
        one_way: false,
        dubbo_version: dubbo::build::DUBBO_VERSION,
        service: DUBBO_SERVICE,
        version: "1.0.0",
        method: "sayHello",
        parameter_types: "Ljava/lang/String;",
        arguments: &text,
        attachments: &[
            (b"path", DUBBO_SERVICE.as_bytes()),
            (b"interface", DUBBO_SERVICE.as_bytes()),
            (b"version", b"1.0.0"),
            (b"group", b"blue"),
            (b"timeout", b"15000"),
            (b"remote.application", b"greetings-consumer"),
        ],
    }
    .write(request);
    dubbo::build::Response {
        id: 0,
        body: dubbo::build::Body::Value(&text),
        attachments: Some(&[(b"dubbo", dubbo::build::DUBBO_VERSION.as_bytes())]),
    }
    .write(response);
}

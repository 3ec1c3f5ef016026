//! What the tests of both ends share: frames of several protocols, a peer that reads and writes them, and waiting that
//! fails instead of hanging.

use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Decoded, Envelope, Limits, Protocol};
use mecha_codec::{bolt, dubbo};
use mecha_net::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Far beyond what any of these tests needs; only one that would hang meets it.
const LIMIT: Duration = Duration::from_secs(20);

/// The protocols that the tests speak: numbers of 32 and of 64 bits.
pub(crate) const SPOKEN: [Protocol; 3] = [Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo];

/// The result of `future`, which must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(done) => done,
        Err(_) => panic!("it never came"),
    }
}

/// A request with this text in its payload.
pub(crate) fn request(protocol: Protocol, id: u64, text: &str) -> Vec<u8> {
    write_request(protocol, id, text, false)
}

/// A request that wants no answer.
pub(crate) fn one_way(protocol: Protocol, id: u64, text: &str) -> Vec<u8> {
    write_request(protocol, id, text, true)
}

fn write_request(protocol: Protocol, id: u64, text: &str, one_way: bool) -> Vec<u8> {
    let mut out = BytesMut::new();
    if protocol == Protocol::Dubbo {
        let request = dubbo::build::Request {
            id,
            one_way,
            dubbo_version: dubbo::build::DUBBO_VERSION,
            service: "org.example.Greeter",
            version: "1.0.0",
            method: "greet",
            parameter_types: "Ljava/lang/String;",
            arguments: &value(text),
            attachments: &[(b"path", b"org.example.Greeter"), (b"color", b"red")],
        };
        request.write(&mut out);
    } else {
        let request = bolt::Request {
            protocol,
            one_way,
            id,
            class: b"com.alipay.sofa.rpc.core.request.SofaRequest",
            fields: &[(b"service", b"org.example.Greeter"), (b"color", b"red")],
            content: text.as_bytes(),
            ..bolt::Request::default()
        };
        request.write(&mut out).unwrap();
    }
    out.to_vec()
}

/// An answer with this text in its payload.
pub(crate) fn response(protocol: Protocol, id: u64, text: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    if protocol == Protocol::Dubbo {
        let value = value(text);
        let body = dubbo::build::Body::Value(&value);
        dubbo::build::Response { id, body, attachments: Some(&[(b"color", b"blue")]) }.write(&mut out);
    } else {
        let fields: &[(&[u8], &[u8])] = &[(b"color", b"blue")];
        let content = text.as_bytes();
        let response = bolt::Response { protocol, id, fields, content, ..bolt::Response::default() };
        response.write(&mut out).unwrap();
    }
    out.to_vec()
}

/// A short string of Hessian 2.
fn value(text: &str) -> Vec<u8> {
    assert!(text.len() < 32);
    [&[text.len() as u8], text.as_bytes()].concat()
}

/// A heartbeat.
pub(crate) fn heartbeat(protocol: Protocol, id: u64) -> Vec<u8> {
    let mut out = BytesMut::new();
    assert!(protocol.codec().heartbeat(id, &mut out));
    out.to_vec()
}

/// Whether a frame's payload ends in this text.
pub(crate) fn says(frame: &Envelope, text: &str) -> bool {
    frame.raw.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The only frame in `bytes`.
pub(crate) fn parse(protocol: Protocol, bytes: &[u8]) -> (Envelope, Vec<Field>) {
    let mut fields = Vec::new();
    let mut input = BytesMut::from(bytes);
    match protocol.codec().decode(&mut input, &Limits::default(), &mut fields) {
        Ok(Decoded::Frame(envelope)) if input.is_empty() => (envelope, fields),
        other => panic!("{other:?} and {} bytes more", input.len()),
    }
}

/// The other end of a connection.
pub(crate) struct Peer {
    pub(crate) socket: UnixStream,
    protocol: Protocol,
    input: BytesMut,
}

impl Peer {
    /// A peer, and our end.
    pub(crate) fn pair(protocol: Protocol) -> (Peer, Stream) {
        let (socket, ours) = UnixStream::pair().unwrap();
        (Peer { socket, protocol, input: BytesMut::new() }, Stream::Unix(ours))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon(self.socket.write_all(bytes)).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Envelope {
        soon(self.next()).await.expect("a frame before the end")
    }

    /// The next frame, or `None` at the end, whenever that is.
    pub(crate) async fn next(&mut self) -> Option<Envelope> {
        loop {
            let mut fields = Vec::new();
            let codec = self.protocol.codec();
            if !self.input.is_empty()
                && let Decoded::Frame(frame) =
                    codec.decode(&mut self.input, &Limits::default(), &mut fields).unwrap()
            {
                return Some(frame);
            }
            if self.socket.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                assert!(self.input.is_empty(), "cut inside a frame");
                return None;
            }
        }
    }

    /// Nothing is left to read but the end.
    pub(crate) async fn end(&mut self) {
        if let Some(frame) = soon(self.next()).await {
            panic!("{frame:?} instead of the end");
        }
    }
}

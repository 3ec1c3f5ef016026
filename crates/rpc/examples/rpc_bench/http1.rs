//! HTTP/1, which the protocols are compared with: as many bytes for the application, asked for and answered by the same two
//! programs, so that a proxy is measured and not its surroundings.

use crate::frames::{PAYLOAD, Seen};

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// What `bench/proxy` asks for, with a body.
pub(crate) fn request() -> Vec<u8> {
    let head = format!(
        "POST /api/v1/items/42 HTTP/1.1\r\n\
         host: bench.local\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36\r\n\
         accept: application/json, text/plain, */*\r\n\
         accept-language: en-GB,en;q=0.8,de;q=0.5\r\n\
         accept-encoding: gzip, deflate, br\r\n\
         authorization: Bearer 4f1c2d7a9be84c55b1c0a3d2e6f70819\r\n\
         x-request-id: 7f3c2f0e-8d5b-4f0e-9a51-3f0d6b8c1e22\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
         content-type: application/octet-stream\r\n\
         content-length: {PAYLOAD}\r\n\r\n"
    );
    with_body(head)
}

/// As a usual server says it.
pub(crate) fn response() -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n\
         server: bench\r\n\
         date: Mon, 23 Nov 2026 09:00:00 GMT\r\n\
         content-type: application/octet-stream\r\n\
         content-length: {PAYLOAD}\r\n\r\n"
    );
    with_body(head)
}

fn with_body(head: String) -> Vec<u8> {
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + PAYLOAD, b'a');
    bytes
}

/// The message at the start of `bytes`, if all of it is there. A proxy may have changed its head, but every message that is
/// as it should be has the same body.
pub(crate) fn see(bytes: &[u8]) -> Option<Seen> {
    let head = bytes.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD)?;
    let len = head + END_OF_HEAD.len() + PAYLOAD;
    let is_good = bytes.starts_with(b"HTTP/1.1 200 ");
    (bytes.len() >= len).then_some(Seen { len, id: None, is_heartbeat: false, is_good })
}

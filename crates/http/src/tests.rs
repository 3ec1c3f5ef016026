//! What the tests of all protocols share: in-memory connections, and reads that fail instead of hanging.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use mecha_net::Stream;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::headers::Headers;

/// Far beyond what any of these tests needs; only one that would hang meets it.
const LIMIT: Duration = Duration::from_secs(20);

/// Names and values.
pub(crate) type Fields = &'static [(&'static str, &'static str)];

/// A peer's end, and ours.
pub(crate) fn pair() -> (UnixStream, Stream) {
    let (peer, ours) = UnixStream::pair().unwrap();
    (peer, Stream::Unix(ours))
}

/// The result of `future`, which must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(done) => done,
        Err(_) => panic!("it never came"),
    }
}

/// Reads what must come next, byte for byte.
pub(crate) async fn expect(peer: &mut UnixStream, wanted: &str) {
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        let mut rest = vec![0; wanted.len() - got.len()];
        let read = match tokio::time::timeout(LIMIT, peer.read(&mut rest)).await {
            Ok(read) => read.unwrap(),
            Err(_) => 0,
        };
        got.extend_from_slice(&rest[..read]);
        if read == 0 {
            break;
        }
    }
    assert_eq!(String::from_utf8_lossy(&got), wanted);
}

/// Everything up to the end.
pub(crate) async fn rest(peer: &mut UnixStream) -> String {
    let mut got = String::new();
    soon(peer.read_to_string(&mut got)).await.unwrap();
    got
}

/// Bytes that tell where they are from.
pub(crate) fn bytes(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// Fields as `name=value`.
pub(crate) fn texts(headers: &Headers) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect()
}

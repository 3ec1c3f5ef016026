//! A client that sends exactly what it is told and shows exactly what comes back.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(super) async fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, "GET", path, "").await
}

pub(super) async fn post(to: SocketAddr, path: &str, body: &str) -> Answer {
    send(to, "POST", path, body).await
}

pub(super) async fn send(to: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    raw(to, &format!("{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"))
        .await
}

/// Sends bytes and reads until the server closes.
pub(super) async fn raw(to: SocketAddr, bytes: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // A server that has answered may close before it has read everything.
    let _ = stream.write_all(bytes.as_bytes()).await;
    read(&mut stream).await
}

/// Reads an answer that ends with the connection.
pub(super) async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

//! The quickstart's client: one connection, one call at a time, every wait limited. It is `hyper`, which Mecha's
//! data plane does not use for HTTP/1; for HTTP/2 the two share the `h2` crate.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::service::GRPC;

/// How long a connection or a call may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer in bytes; the metrics page is the largest by far.
const MOST_BYTES: usize = 4 << 20;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// An open connection.
pub(super) struct Client {
    authority: String,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Client {
    /// Connects. Fails with a reason when nobody answers in time.
    pub(super) async fn connect(address: SocketAddr, protocol: Protocol) -> Result<Self, String> {
        let sender = limited("connect", handshake(address, protocol)).await?;
        Ok(Client { authority: address.to_string(), sender })
    }

    /// GET. Fails with a reason when there is no complete answer in time; the connection is of no use then.
    pub(super) async fn get(&mut self, path: &str) -> Result<Reply, String> {
        let request = self.request(Method::GET, path);
        self.call(request.body(Full::default())).await
    }

    /// POST of a body of this media type. Fails as `get` does.
    pub(super) async fn post(
        &mut self,
        path: &str,
        media: &'static str,
        body: String,
    ) -> Result<Reply, String> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, media);
        self.call(request.body(Full::new(body.into()))).await
    }

    /// A unary gRPC call of a message that is framed already. Fails as `get` does.
    pub(super) async fn grpc(&mut self, path: &str, frame: Bytes) -> Result<Reply, String> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, GRPC);
        self.call(request.header(header::TE, "trailers").body(Full::new(frame))).await
    }

    /// HTTP/1 takes the path and a Host header, HTTP/2 the whole URL (`hyper` leaves that to its user).
    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let request = Request::builder().method(method);
        match self.sender {
            Sender::Http1(_) => request.uri(path).header(header::HOST, &self.authority),
            Sender::Http2(_) => request.uri(format!("http://{}{path}", self.authority)),
        }
    }

    async fn call(&mut self, request: http::Result<Request<Full<Bytes>>>) -> Result<Reply, String> {
        let request = request.map_err(|error| format!("request: {error}"))?;
        limited("answer", async {
            let response = match &mut self.sender {
                Sender::Http1(sender) => {
                    sender.send_request(request).await.map_err(|error| reason(&error))?
                }
                Sender::Http2(sender) => {
                    sender.send_request(request).await.map_err(|error| reason(&error))?
                }
            };
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await.map_err(text)?;
            let trailers = body.trailers().cloned().unwrap_or_default();
            Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
        })
        .await
    }
}

async fn handshake(address: SocketAddr, protocol: Protocol) -> Result<Sender, String> {
    let stream = TcpStream::connect(address).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let io = TokioIo::new(stream);
    // The connections' tasks end when their senders are dropped; what they have to say reaches the calls as well.
    Ok(match protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(io).await.map_err(|error| reason(&error))?;
            tokio::spawn(connection);
            Sender::Http1(sender)
        }
        Protocol::Http2 => {
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), io).await.map_err(|error| reason(&error))?;
            tokio::spawn(connection);
            Sender::Http2(sender)
        }
    })
}

/// One HTTP/1 request as bare bytes over a connection of its own; what came back until the other side closed. Our
/// side is closed for writing right after the request, so that half-close is part of it.
pub(super) async fn raw(address: SocketAddr, path: &str) -> Result<String, String> {
    limited("answer", async {
        let mut stream = TcpStream::connect(address).await.map_err(text)?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(text)?;
        stream.shutdown().await.map_err(text)?;
        let mut answer = Vec::new();
        stream.take(MOST_BYTES as u64).read_to_end(&mut answer).await.map_err(text)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    })
    .await
}

/// The work, given up when it takes too long.
async fn limited<T>(what: &str, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("no {what} within {} s", PATIENCE.as_secs())),
    }
}

/// The error and what caused it; `hyper` keeps the interesting half in the cause.
fn reason(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

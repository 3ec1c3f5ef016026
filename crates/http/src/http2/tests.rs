//! HTTP/2 over in-memory connections: both ends of this crate, and each against a bare `h2` peer.

mod client;
mod flow;
mod heads;
mod server;

use std::future::{Future, poll_fn};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use http::{Method, StatusCode};
use mecha_base::Result;
use mecha_net::Stream;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::{ClientConnection, ClientStream, ServerConnection, ServerOptions, ServerStream};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead, Version};
use crate::headers::Headers;
use crate::tests::{bytes, pair, soon, texts};

fn options() -> ServerOptions {
    ServerOptions {
        max_concurrent_streams: 100,
        stream_window: 65_535,
        connection_window: 1 << 20,
        max_header_bytes: 60 << 10,
        max_pending_resets: 20,
    }
}

/// Our server end; what serves a stream runs beside it. Ends with the connection.
fn serve<Serving>(
    io: Stream,
    options: ServerOptions,
    serve: impl Fn(RequestHead, Length, ServerStream) -> Serving + Send + 'static,
) -> JoinHandle<()>
where
    Serving: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut connection = ServerConnection::handshake(io, BytesMut::new(), &options).await.unwrap();
        while let Ok(Some((head, length, stream))) = poll_fn(|cx| connection.poll_accept(cx)).await {
            tokio::spawn(serve(head, length, stream));
        }
    })
}

/// Our client end, with its driver on its way.
async fn client(io: Stream) -> ClientConnection {
    let (mut connection, driver) = ClientConnection::handshake(io).await.unwrap();
    tokio::spawn(driver);
    soon(poll_fn(|cx| connection.poll_ready(cx))).await.unwrap();
    connection
}

type BareServer = h2::server::Connection<UnixStream, Bytes>;
type BareRequest = (http::Request<h2::RecvStream>, h2::server::SendResponse<Bytes>);

/// Our client end against a bare server.
async fn bare_server(builder: &h2::server::Builder) -> (ClientConnection, BareServer) {
    let (peer, io) = pair();
    let (connection, server) = tokio::join!(client(io), builder.handshake(peer));
    (connection, server.unwrap())
}

async fn accept(server: &mut BareServer) -> BareRequest {
    soon(server.accept()).await.unwrap().unwrap()
}

/// Keeps a bare server's bytes moving; new streams are let go of.
fn drive(mut server: BareServer) -> JoinHandle<()> {
    tokio::spawn(async move { while server.accept().await.is_some() {} })
}

/// A bare client against our server end.
async fn bare_client(io: UnixStream, builder: &h2::client::Builder) -> h2::client::SendRequest<Bytes> {
    let (send, connection) = soon(builder.handshake(io)).await.unwrap();
    tokio::spawn(connection);
    soon(send.ready()).await.unwrap()
}

fn request(method: Method, fields: &[(&str, &str)]) -> RequestHead {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    let target = if method == Method::CONNECT { "" } else { "/p?q" };
    RequestHead {
        version: Version::Http11,
        method,
        authority: ByteString::from_static("h:1"),
        target: ByteString::from_static(target),
        headers,
        rpc: None,
    }
}

fn response(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap());
    for (name, value) in fields {
        head.headers.append(name, value.as_bytes()).unwrap();
    }
    head
}

/// What the two kinds of stream have in common.
macro_rules! body_of {
    ($kind:ty) => {
        impl Body for $kind {
            async fn frame(&mut self) -> Result<Option<Frame>> {
                soon(poll_fn(|cx| self.poll_recv(cx))).await
            }
        }
    };
}

trait Body {
    async fn frame(&mut self) -> Result<Option<Frame>>;

    /// The whole body, and its trailers.
    async fn body(&mut self) -> Result<(Vec<u8>, Vec<String>)> {
        let (mut whole, mut trailers) = (Vec::new(), Vec::new());
        while let Some(frame) = self.frame().await? {
            match frame {
                Frame::Data(data) => {
                    assert!(!data.is_empty());
                    whole.extend_from_slice(&data);
                }
                Frame::Trailers(fields) => trailers = texts(&fields),
            }
        }
        Ok((whole, trailers))
    }
}

body_of!(ClientStream);
body_of!(ServerStream);

/// Sends a body in one piece; only what the windows allow leaves at once.
async fn send_all(stream: &mut ClientStream, data: Bytes, trailers: Option<Headers>) {
    let last = trailers.is_none();
    stream.send_data(data, last);
    if !last {
        stream.send_end(trailers);
    }
    soon(poll_fn(|cx| stream.poll_flush(cx))).await;
}

async fn head(stream: &mut ClientStream) -> Result<(ResponseHead, Length)> {
    soon(poll_fn(|cx| stream.poll_head(cx))).await
}

fn trailer() -> Headers {
    let mut trailers = Headers::new();
    trailers.append("x-sum", b"1").unwrap();
    trailers
}

//! The HTTP server of every face: the API ports of `api-http` and `api-grpc`, the internal port, metrics. One accept loop
//! for each listener on each worker; connections are tasks of the thread that accepted them, so a call that goes on into
//! the exchange never leaves its worker. HTTP/1.1 and HTTP/2 with prior knowledge; the `Upgrade: h2c` form of HTTP/2 was
//! withdrawn by RFC 9113 (3.1), and a server may ignore it.

mod connection;
mod patience;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use mecha_base::drain::Watch;
use mecha_net::{Address, Listener, Stream};
use mecha_runtime::body::BodyError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use connection::Connections;

/// The pause after the process ran out of file descriptors or memory, so that the loop does not spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How a server treats its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// What the server is called in the log.
    pub name: &'static str,
    /// Largest request head in bytes; over it: 431. As Go's servers do, 4096 bytes more are let pass.
    pub max_head: usize,
    /// How long a head may take from its first byte, and a new connection to its first byte. A connection may be idle
    /// between requests for as long as it likes.
    pub header_timeout: Duration,
    /// HTTP/1.1 is spoken.
    pub http1: bool,
    /// HTTP/2 without TLS is spoken.
    pub h2c: bool,
    /// Most connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// Most streams at once on an HTTP/2 connection.
    pub max_streams: u32,
    /// Requests have the peer's `SocketAddr` among their extensions, for middleware that asks for it.
    pub tells_peer: bool,
}

impl Default for ServeOptions {
    /// Dapr's limits (reference 1.1, 3.1) where it has any.
    fn default() -> Self {
        ServeOptions {
            name: "api",
            max_head: 4 << 10,
            header_timeout: Duration::from_secs(10),
            http1: true,
            h2c: true,
            max_connections: 16 << 10,
            max_streams: 1 << 10,
            tells_peer: false,
        }
    }
}

/// What can be served: the APIs of this crate, an `axum::Router`, what tonic builds.
pub trait Serve:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
    /// The body of its answers.
    type Body: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static;
}

impl<S, B> Serve for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    type Body = B;
}

/// Accepts and serves until the drain begins, then returns once the last connection has ended. A graceful drain lets
/// requests in flight finish (HTTP/2 is told by GOAWAY); an immediate one drops them. To be called on a worker's thread.
pub async fn serve<S: Serve>(service: S, socket: Listener, options: ServeOptions, mut drain: Watch) {
    let places = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = Connections::new(service, options, drain.clone());
    loop {
        tokio::select! {
            accepted = next(&socket, &places) => match accepted {
                Ok((stream, peer, place)) => connections.start(stream, &peer, place),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(server = connections.name(), %error, "cannot accept connections; retrying");
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
            },
            _ = drain.draining() => break,
        }
    }
    for (stream, peer) in socket.close() {
        // Beyond the limit they would have been refused a moment later.
        let Ok(place) = places.clone().try_acquire_owned() else { break };
        connections.start(stream, &peer, place);
    }
    connections.ended().await;
}

async fn next(
    socket: &Listener,
    places: &Arc<Semaphore>,
) -> io::Result<(Stream, Address, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = poll_fn(|cx| socket.poll_accept(cx)).await?;
    Ok((stream, peer, place))
}

/// Errors of a connection that died before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests;

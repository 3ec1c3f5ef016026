//! The HTTP/1.1 server of the admin API. Everything about it is bounded, because whoever reaches the address can
//! open connections: how many there are, how large a request is, how long any part of it may take.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mecha_base::drain::{Mode, Watch};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::api;
use crate::context::AdminContext;
use crate::query::Query;
use crate::reply::Reply;
use crate::request::Request;
use crate::slow::BoundedWrites;

/// Connections at once; more wait to be accepted.
pub(crate) const MAX_CONNECTIONS: usize = 64;
/// Largest request body in bytes; over it: 413.
pub(crate) const MAX_BODY: usize = 1 << 20;
/// Largest head in bytes; over it: 431.
const MAX_HEAD: usize = 64 << 10;
/// Most header fields; over it: 431.
const MAX_FIELDS: usize = 64;
/// How long a head may take, the wait for the next request included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may take; over it: 408.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a connection could not be accepted, for want of file descriptors most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address that is taken; nothing is served yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the address. Port 0 takes a free one.
///
/// # Errors
/// When the address is in use, or not ours.
pub fn bind(address: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the drain begins, then lets requests in flight finish. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When the runtime refuses the socket.
    pub async fn serve(self, context: AdminContext, mut drain: Watch) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let context = Arc::new(context);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let accepted = async {
                let place = places.clone().acquire_owned().await;
                (listener.accept().await, place)
            };
            let (stream, place) = tokio::select! {
                (accepted, place) = accepted => match (accepted, place) {
                    (Ok((stream, _)), Ok(place)) => (stream, place),
                    (Err(error), _) => {
                        tracing::warn!("admin: cannot accept a connection: {error}");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                    // The semaphore is never closed.
                    (_, Err(_)) => break,
                },
                _ = drain.draining() => break,
            };
            connections.spawn(connection(stream, place, context.clone(), drain.clone()));
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    context: Arc<AdminContext>,
    mut drain: Watch,
) {
    let service = service_fn(|request| answer(request, &context));
    let stream = TokioIo::new(BoundedWrites::new(stream, WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        mode = drain.draining() => {
            if mode == Mode::Graceful {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = connection.as_mut() => result,
                    () = drain.aborted() => Ok(()),
                }
            } else {
                Ok(())
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!("admin: connection ended: {error}");
    }
    drop(place);
}

/// Answers one request.
async fn answer(
    request: hyper::Request<Incoming>,
    context: &AdminContext,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (path, method) = (head.uri.path(), &head.method);
    let Some(endpoint) = api::find(path) else { return Ok(api::unknown(path).into_response()) };
    if !endpoint.methods.allow(method) {
        return Ok(Reply::wrong_method(endpoint.methods.names()).into_response());
    }
    let query = match Query::parse(head.uri.query().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return Ok(Reply::bad(&error.to_string()).into_response()),
    };
    let body = match read(body).await {
        Ok(body) => body,
        Err(reply) => return Ok(reply.into_response()),
    };
    tracing::debug!("admin: {method} {path}");
    Ok((endpoint.handle)(&Request { query, body }, context).into_response())
}

/// Reads a body whole, within its limits.
async fn read(body: Incoming) -> Result<Bytes, Reply> {
    let too_large = || Reply::error(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB");
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Reply::bad("read body error")),
        Err(_) => Err(Reply::error(StatusCode::REQUEST_TIMEOUT, "the body took longer than 10 s")),
    }
}

//! The connections of one server.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use mecha_base::drain::{Mode, Watch};
use mecha_net::{Address, Stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::Service;

use super::{Serve, ServeOptions};
use crate::serve::patience::{Patience, Patient};

/// What Go's servers let pass beyond the limit of a head: the room of their reader.
const HEAD_SLACK: usize = 4 << 10;
/// What Go's HTTP/2 server lets pass beyond it: ten fields' overhead of 32 bytes.
const HEAD_SLACK_HTTP2: usize = 320;
/// Room for bytes that were read and not yet taken.
const BUFFER: usize = 64 << 10;
/// How long a connection that has said nothing yet may take to do so once the drain has begun: its request may be under
/// way already.
const SETTLE: Duration = Duration::from_millis(50);

/// Makes tasks of connections.
pub(super) struct Connections<S> {
    service: S,
    options: Arc<ServeOptions>,
    drain: Watch,
    tasks: JoinSet<()>,
}

impl<S: Serve> Connections<S> {
    pub(super) fn new(service: S, options: ServeOptions, drain: Watch) -> Self {
        Connections { service, options: Arc::new(options), drain, tasks: JoinSet::new() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.options.name
    }

    /// Serves a connection. `place` is given back when it ends.
    pub(super) fn start(&mut self, stream: Stream, peer: &Address, place: OwnedSemaphorePermit) {
        while self.tasks.try_join_next().is_some() {}
        let (options, drain) = (self.options.clone(), self.drain.clone());
        let peer = match peer {
            Address::Tcp(peer) if options.tells_peer => Some(*peer),
            _ => None,
        };
        let service = Told { service: self.service.clone(), peer };
        self.tasks.spawn(async move {
            connection(stream, service, &options, drain).await;
            drop(place);
        });
    }

    /// Waits until every connection has ended.
    pub(super) async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A service that is told the peer of its connection.
#[derive(Clone)]
struct Told<S> {
    service: S,
    peer: Option<SocketAddr>,
}

impl<S: Serve> Service<Request<Incoming>> for Told<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> S::Future {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.service.call(request)
    }
}

async fn connection<S: Serve>(stream: Stream, service: S, options: &ServeOptions, mut drain: Watch) {
    let mut stream = Patient::new(stream, Patience::new());
    let preface = tokio::select! {
        preface = timeout(options.header_timeout, stream.preface()) => preface,
        mode = drain.draining() => match mode {
            // A request may be under way that the client sent before it could know.
            Mode::Graceful => timeout(SETTLE, stream.preface()).await,
            _ => return,
        },
    };
    let http2 = match preface {
        Ok(Ok(Some(preface))) => options.h2c && (preface || !options.http1),
        // Silent for too long, or gone.
        Ok(Ok(None) | Err(_)) | Err(_) => return,
    };
    let service = TowerToHyperService::new(service);
    let result = if http2 {
        drive(http2_builder(options).serve_connection(TokioIo::new(stream), service), drain).await
    } else {
        let builder = http1_builder(options, stream.patience());
        drive(builder.serve_connection(TokioIo::new(stream), service), drain).await
    };
    if let Err(error) = result {
        tracing::debug!(server = options.name, %error, "a connection ended early");
    }
}

/// Serves to the end of the connection, or as the drain says.
async fn drive<C: GracefulConnection>(connection: C, mut drain: Watch) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        mode = drain.draining() => if mode == Mode::Immediate {
            return Ok(());
        },
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => result,
        () = drain.aborted() => Ok(()),
    }
}

fn http1_builder(options: &ServeOptions, patience: &Arc<Patience>) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(patience.timer())
        .header_read_timeout(options.header_timeout)
        .max_header_size(options.max_head + HEAD_SLACK)
        .max_buf_size(BUFFER.max(options.max_head + HEAD_SLACK));
    builder
}

fn http2_builder(options: &ServeOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_header_list_size(u32::try_from(options.max_head + HEAD_SLACK_HTTP2).unwrap_or(u32::MAX))
        .max_concurrent_streams(options.max_streams);
    builder
}

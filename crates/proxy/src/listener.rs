//! Listeners: what one does with its connections (the same for all workers), its door on one worker, and
//! the loop that accepts.

mod accept;
mod door;

use std::sync::Arc;

use mecha_config as config;
use mecha_config::proxy::{Http1Options, Http2Options, HttpProxy, Protocol, Protocols};
use mecha_config::{NetworkFilter, StreamFilter, TcpProxy};
use mecha_http::http1::Limits;
use mecha_http::http2::ServerOptions;

use crate::access::{AccessOrigin, AccessSink};
use crate::exchange::calls::Counts;
use crate::protocol::detected;

pub(crate) use accept::accept;
pub(crate) use door::Door;

/// A listener as it runs.
pub struct Listener {
    pub(crate) origin: Arc<AccessOrigin>,
    pub(crate) sinks: Vec<Arc<dyn AccessSink>>,
    pub(crate) idle_timeout: Option<std::time::Duration>,
    pub(crate) filters: Vec<Filter>,
    /// Those that requests are shown to.
    pub(crate) stream_filters: Vec<StreamFilter>,
    /// What the others count.
    pub(crate) counts: Counts,
    /// Whether clusters of this process lead here, so that it must outlive the listeners before it in a drain.
    pub(crate) inner: bool,
}

/// A network filter as it runs.
pub(crate) enum Filter {
    Http(Arc<HttpFilter>),
    Tcp(TcpProxy),
}

/// `proxy` as it runs.
pub(crate) struct HttpFilter {
    pub(crate) proxy: HttpProxy,
    pub(crate) limits: Arc<Limits>,
    pub(crate) http2: ServerOptions,
    /// What the first bytes may show.
    pub(crate) allowed: Vec<mecha_codec::detect::Protocol>,
}

impl Listener {
    /// A listener of a validated configuration; `port` is the one it is bound to. `inner`: clusters of the same process
    /// lead to it.
    pub fn new(
        config: &config::Listener,
        port: u16,
        inner: bool,
        sinks: Vec<Arc<dyn AccessSink>>,
    ) -> Arc<Self> {
        let filter = |filter: &NetworkFilter| match filter {
            NetworkFilter::Http(proxy) => Filter::Http(Arc::new(HttpFilter::new(proxy))),
            NetworkFilter::Tcp(proxy) => Filter::Tcp(proxy.clone()),
        };
        let origin = AccessOrigin { listener: config.name.clone(), port, traffic: config.traffic };
        Arc::new(Listener {
            origin: Arc::new(origin),
            sinks,
            idle_timeout: config.idle_timeout,
            filters: config.chain.filters.iter().map(filter).collect(),
            stream_filters: config.stream_filters.iter().filter(|f| !f.only_counts()).cloned().collect(),
            counts: Counts::of(&config.stream_filters),
            inner,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.origin.listener
    }
}

impl HttpFilter {
    fn new(proxy: &HttpProxy) -> Self {
        let allowed = match &proxy.downstream {
            // A connection may carry both versions of Bolt, and begin with either.
            Protocols::One(Protocol::Bolt | Protocol::BoltV2) => {
                vec![detected(Protocol::Bolt), detected(Protocol::BoltV2)]
            }
            Protocols::One(protocol) => vec![detected(*protocol)],
            Protocols::Detect(protocols) => protocols.iter().copied().map(detected).collect(),
        };
        let (limits, http2) = (Arc::new(http1_limits(&proxy.http1)), http2_options(&proxy.http2));
        HttpFilter { proxy: proxy.clone(), limits, http2, allowed }
    }
}

fn http1_limits(options: &Http1Options) -> Limits {
    Limits {
        start_line: options.max_start_line,
        header_bytes: options.max_header_bytes,
        header_count: options.max_header_count,
        ..Limits::default()
    }
}

fn http2_options(options: &Http2Options) -> ServerOptions {
    ServerOptions {
        max_concurrent_streams: options.max_concurrent_streams,
        stream_window: options.stream_window,
        connection_window: options.connection_window,
        max_header_bytes: options.max_header_bytes,
        max_pending_resets: options.max_pending_resets,
    }
}

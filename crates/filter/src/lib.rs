//! Stream filters: what looks at a request on its way, and may change it, hold it up or answer it. The exchange asks the
//! filters of its listener in order, before a route is chosen and after. Filters are synchronous: they say what is to be
//! done next, waiting included, and the exchange does it. [`transcode`] is what `transcoder` chooses.

pub mod stream;
pub mod transcode;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use mecha_base::ResponseFlags;
use mecha_config as config;
use mecha_http::{RequestHead, StatusCode};

/// When a filter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before a route is chosen; what the filter changes is what routes look at.
    BeforeRoute,
    /// When route and cluster are chosen, and the head is not changed for them yet.
    AfterRoute,
}

/// What a filter sees of a request.
pub struct View<'v> {
    /// Its head.
    pub head: &'v mut RequestHead,
    /// The cluster that it will be sent to; `None` before the route, and where the route answers itself.
    pub cluster: Option<&'v str>,
    /// Randomness.
    pub rng: &'v mut Rng,
    /// What the request becomes on its way to the upstream; `None` = what it is. Set by `transcoder`.
    pub conversion: &'v mut Option<Choice>,
}

/// What a request becomes on its way to the upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The protocol of the upstream.
    pub protocol: config::Protocol,
    /// How it becomes that.
    pub conversion: Arc<config::filter::Conversion>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The next filter.
    Continue,
    /// Wait, and then what follows.
    Wait {
        /// How long.
        time: Duration,
        /// What access logs say about it.
        flag: ResponseFlags,
        /// Afterwards.
        then: Box<Next>,
    },
    /// The request is answered; no other filter is asked.
    Reply(Reply),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Its status; gRPC calls get the code that it means.
    pub status: StatusCode,
    /// Its text.
    pub body: Bytes,
    /// What access logs say about it.
    pub flag: ResponseFlags,
}

/// A stream filter with its settings.
pub trait StreamFilter: Send + Sync {
    /// When it is asked.
    fn phase(&self) -> Phase;

    /// Looks at a request.
    fn on_request(&self, view: &mut View<'_>) -> Next;
}

/// The filter of a configuration.
pub fn of(config: &config::StreamFilter) -> &dyn StreamFilter {
    match config {
        config::StreamFilter::Fault(fault) => fault,
        config::StreamFilter::Transcoder(transcoder) => transcoder,
        config::StreamFilter::DubboStream | config::StreamFilter::GrpcMetric => &stream::Counting,
    }
}

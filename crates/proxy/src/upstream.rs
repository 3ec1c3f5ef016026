//! The way out: connections to hosts, kept in pools that belong to one worker, within limits that hold for
//! all workers.

mod connect;
mod http1;
mod http2;
mod metrics;
mod pool;
mod queue;

pub(crate) use connect::connect;
pub(crate) use http1::Http1Lease;
pub(crate) use http2::Http2Lease;
pub(crate) use metrics::UpstreamMetrics;
pub(crate) use pool::Pools;
pub(crate) use queue::Queues;

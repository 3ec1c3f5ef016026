//! The way out: connections to hosts, kept in pools that belong to one worker, within limits that hold for
//! all workers. How a connection is used (`shared`, `exclusive`, `bound`) stands apart from what it speaks
//! (`http1`, `http2`, `rpc`).

mod bound;
mod connect;
mod driven;
mod exclusive;
mod http1;
mod http2;
mod limit;
mod metrics;
mod pool;
mod queue;
mod rpc;
mod shared;

pub(crate) use bound::Bound;
pub(crate) use connect::connect;
pub(crate) use http1::Http1Lease;
pub(crate) use http2::Http2Lease;
pub(crate) use metrics::UpstreamMetrics;
pub(crate) use pool::Pools;
pub(crate) use queue::Queues;
pub(crate) use rpc::RpcLease;

#[cfg(test)]
mod tests;

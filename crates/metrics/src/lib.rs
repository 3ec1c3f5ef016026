//! What the data plane counts: metric names as enums, per-worker shards to count on, Prometheus text and
//! MOSN's statistics shapes to read from.
//!
//! The proxy asks a [`Registry`] for a [`Scope`] (the process, a listener, a cluster, a host) when configuration is
//! built, takes its worker's [`Shard`] of that scope once, and from then on counts with plain loads and stores:
//! no look-up, no formatting, no lock and no locked instruction on the request path. The admin API reads the sums.
//!
//! ```
//! use mecha_metrics::{DownstreamStat, Registry};
//!
//! let registry = Registry::new(2);
//! let shard = registry.listener("ingress").shard(0).clone();
//! shard.inc(DownstreamStat::RequestTotal);
//! shard.inc(DownstreamStat::for_status(503));
//!
//! let mut text = String::new();
//! registry.prometheus(&mut text);
//! assert!(text.contains("downstream_request_total{listener=\"ingress\"} 1\n"));
//! ```

mod call;
mod downstream;
mod histogram;
mod mosn;
mod process;
mod prometheus;
mod registry;
mod scope;
mod server;
mod shard;
mod stat;
mod table;
mod upstream;

pub use call::{CallKind, CallScope, CallShard, CallStat, MAX_CALL_NAME, MAX_CALLS};
pub use downstream::{DownstreamHistogram, DownstreamStat};
pub use histogram::{BOUNDS, HistogramSnapshot};
pub use mosn::MosnStats;
pub use prometheus::{process as write_process, rendered as labels};
pub use registry::{MAX_SCOPES, OVERFLOW, Registry};
pub use scope::Scope;
pub use server::{ServerStat, ServerStats};
pub use shard::{Active, Shard};
pub use stat::{Kind, Metric, Stat};
pub use upstream::{UpstreamHistogram, UpstreamStat};

/// The statistics of connections and requests that come in: the whole process or one listener.
pub type DownstreamScope = Scope<DownstreamStat>;
/// The statistics of connections and requests that go out: one cluster or one host of it.
pub type UpstreamScope = Scope<UpstreamStat>;

//! Clusters as they run: hosts with their counters and health, the choice of a host, and limits that
//! hold over all workers. Pure: no sockets, no clock; randomness is handed in. The exchange and the
//! connection pools call in here.

pub mod cluster;
pub mod discovery;
pub mod host;
pub mod lb;
pub mod pick;
pub mod set;
pub mod usage;

pub use cluster::Cluster;
pub use host::{Health, Host, HostId, LeavingGuard};
pub use mecha_config::cluster::{HostAddress, Keepalive, LbPolicy, Limits, PoolMode, Speaks};
pub use pick::PickState;
pub use set::ClusterSet;
pub use usage::{ClusterUsage, ConnectionGuard, LimitGuard, RequestGuard};

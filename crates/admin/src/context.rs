//! What the endpoints can see and turn: handed in by the app, which owns it all.

use std::sync::Arc;

use mecha_cluster::ClusterSet;
use mecha_config::Config;
use mecha_metrics::Registry;
use mecha_observe::Logs;
use mecha_route::RouteTable;

/// What runs at this moment. Every call returns the snapshot of then.
pub trait Live: Send + Sync {
    /// The configuration in effect.
    fn config(&self) -> Arc<Config>;

    /// The route table of this name.
    fn router(&self, name: &str) -> Option<Arc<RouteTable>>;

    /// The clusters.
    fn clusters(&self) -> Arc<ClusterSet>;

    /// MOSN's number of the state (reference 5.2): 6 is running.
    fn state(&self) -> u8;
}

/// Everything the admin API answers from.
pub struct AdminContext {
    /// What runs.
    pub live: Arc<dyn Live>,
    /// What was counted.
    pub registry: Arc<Registry>,
    /// The logs and their knobs.
    pub logs: Logs,
    /// Of this program, without a `v`.
    pub version: &'static str,
}

//! The state of the process as the admin API sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use mecha_admin::Live;
use mecha_cluster::ClusterSet;
use mecha_config::Config;
use mecha_metrics::{Registry, ServerStat};
use mecha_route::RouteTable;

use crate::clusters::LiveClusters;

/// The stages of a process that is up, with MOSN's numbers (reference 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    Starting = 4,
    Running = 6,
    GracefulStopping = 8,
    Stopping = 9,
    Stopped = 11,
}

/// What runs.
pub(crate) struct State {
    config: Arc<Config>,
    live: Arc<LiveClusters>,
    stage: AtomicU8,
    registry: Arc<Registry>,
}

impl State {
    pub(crate) fn new(config: Arc<Config>, live: Arc<LiveClusters>, registry: Arc<Registry>) -> Arc<Self> {
        let state = State { config, live, stage: AtomicU8::new(0), registry };
        state.enter(Stage::Starting);
        Arc::new(state)
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.registry.server().set(ServerStat::StateCode, u64::from(stage as u8));
    }
}

impl Live for State {
    fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    fn router(&self, name: &str) -> Option<Arc<RouteTable>> {
        self.live.snapshot().router(name).cloned()
    }

    fn clusters(&self) -> Arc<ClusterSet> {
        self.live.snapshot().clusters().clone()
    }

    fn state(&self) -> u8 {
        self.stage.load(Ordering::Relaxed)
    }
}

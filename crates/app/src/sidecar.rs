//! The runtime's half of a process: its addresses, its pool of threads, its APIs on the workers, and the two ends of its
//! life. The control thread drives it.

mod faces;
mod reload;
mod sockets;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mecha_base::drain::Watch;
use mecha_component::Drivers;
use mecha_config::{Config, runtime};
use mecha_runtime::network::Entrance;
use mecha_runtime::{Network, Parts, Runtime};

use crate::clusters::LiveClusters;
use crate::error::AppError;
use crate::{Load, Options};
use sockets::Sockets;

/// Threads for drivers, deliveries and background work: enough that one that is busy does not hold up the others.
const POOL_THREADS: usize = 2;

/// A runtime whose addresses are taken.
pub(crate) struct Sidecar {
    pub(crate) runtime: Arc<Runtime>,
    pool: tokio::runtime::Runtime,
    network: Network,
    sockets: Option<Sockets>,
    begun: Instant,
}

impl Sidecar {
    /// Adds the doors of the runtime to the model: listeners, routers and clusters that the user's own configuration does
    /// not name.
    pub(crate) fn extend(config: &mut Config) {
        if let Some(doors) = config.runtime.as_deref().map(mecha_runtime::doors::model) {
            doors.merge(config);
        }
    }

    /// Takes the addresses, makes the pool; nothing runs yet.
    pub(crate) fn take(
        config: &runtime::Runtime,
        drivers: Drivers,
        clusters: Arc<LiveClusters>,
        workers: usize,
        begun: Instant,
    ) -> Result<Self, AppError> {
        let failed = |source| AppError::Thread { what: "the pool of drivers".to_owned(), source };
        let pool = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(POOL_THREADS)
            .max_blocking_threads(8)
            .thread_name("driver")
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut config = config.clone();
        let sockets = Sockets::take(&mut config, workers)?;
        let network = Network::default();
        let parts = Parts {
            config: Arc::new(config),
            drivers,
            network: network.clone(),
            tasks: pool.handle().clone(),
            clusters,
        };
        let runtime = Runtime::new(parts);
        faces::set_channel(&runtime);
        Ok(Sidecar { runtime, pool, network, sockets: Some(sockets), begun })
    }

    /// Where the APIs listen, by name.
    pub(crate) fn addresses(&self) -> Vec<(String, mecha_net::Address)> {
        self.sockets.as_ref().map(Sockets::addresses).unwrap_or_default()
    }

    /// Begins to load components. The task's end says how that went.
    pub(crate) fn start(&self, entrances: Vec<Entrance>) -> tokio::task::JoinHandle<Result<(), AppError>> {
        self.network.open(entrances);
        let runtime = self.runtime.clone();
        self.pool.spawn(async move {
            runtime.begin().await.map_err(|error| AppError::Components(error.to_string()))
        })
    }

    /// Opens the APIs on the workers, and metrics here; goes on with the application in the background.
    pub(crate) fn open(
        &mut self,
        entrances: &[Entrance],
        drain: &Watch,
        last: &Watch,
    ) -> Result<(), AppError> {
        if let Some(sockets) = self.sockets.take() {
            faces::open(&self.runtime, sockets, entrances, drain, last)?;
        }
        self.pool.spawn(self.runtime.clone().attend(self.begun));
        Ok(())
    }

    /// Follows the files that the runtime was configured by, in the background.
    pub(crate) fn follow(&self, options: &Options, load: &Load) {
        self.pool.spawn(reload::follow(self.runtime.clone(), options.clone(), load.clone()));
    }

    /// Keeps the APIs open without deliveries, for as long as the configuration says or until the application is unhealthy.
    pub(crate) async fn block(&self) {
        let Some(period) = self.runtime.config().process.block_shutdown else { return };
        self.runtime.stop_subscriptions().await;
        tracing::info!("Blocking graceful shutdown for {period:?} or until app reports unhealthy...");
        let mut watch = self.runtime.health().watch();
        tokio::select! {
            () = tokio::time::sleep(period) => {
                tracing::info!("Block shutdown period expired, entering shutdown...");
            }
            _ = watch.wait_for(|status| !status.app) => {
                tracing::info!("App reported unhealthy, entering shutdown...");
            }
        }
    }

    /// Takes no more messages and settles those under way, at most for so long. Whether it was in time.
    pub(crate) async fn quiesce(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.runtime.quiesce()).await.is_ok()
    }

    /// Closes components and ends the pool, at most for so long. Whether it was in time.
    pub(crate) fn end(self, limit: Duration) -> bool {
        let closing = self.runtime.clone();
        let closed =
            self.pool.block_on(async move { tokio::time::timeout(limit, closing.close()).await.is_ok() });
        self.network.close();
        self.pool.shutdown_timeout(Duration::from_millis(500));
        closed
    }
}

//! The runtime of one application: its parts, and how they are put together. What each building block does stands in
//! a file of its own as `impl Runtime`.

use std::sync::{Arc, OnceLock};

use mecha_component::Drivers;
use mecha_config::runtime as config;

use crate::channel::AppChannel;
use crate::clusters::Clusters;
use crate::components::Components;
use crate::health::Health;
use crate::loader::Loader;
use crate::metadata::Extended;
use crate::metrics::Metrics;
use crate::middleware::Pipelines;
use crate::names::Names;
use crate::network::Network;
use crate::policy::Policies;
use crate::pubsub::PubSubs;
use crate::shutdown::Shutdown;

/// What a runtime is made of.
pub struct Parts {
    /// What it shall be.
    pub config: Arc<config::Runtime>,
    /// The drivers that are compiled in.
    pub drivers: Drivers,
    /// The way to other processes.
    pub network: Network,
    /// Where tasks of drivers and deliveries run.
    pub tasks: tokio::runtime::Handle,
    /// Where clusters are made known that come up while it runs.
    pub clusters: Arc<dyn Clusters>,
}

/// The runtime of one application.
pub struct Runtime {
    config: Arc<config::Runtime>,
    drivers: Drivers,
    network: Network,
    tasks: tokio::runtime::Handle,
    components: Components,
    channel: OnceLock<Arc<dyn AppChannel>>,
    policies: Policies,
    metrics: Arc<Metrics>,
    pubsub: PubSubs,
    health: Health,
    shutdown: Shutdown,
    pipelines: Pipelines,
    loader: Loader,
    extended: Extended,
    names: Names,
}

impl Runtime {
    /// A runtime that has not begun to work.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, drivers, network, tasks, clusters } = parts;
        let names = Names::new(&config, clusters, tasks.clone());
        let metrics = Arc::new(Metrics::new(&config));
        let policies = Policies::new(&config.resources.resiliency, metrics.clone());
        Arc::new(Runtime {
            config,
            drivers,
            network,
            tasks,
            components: Components::default(),
            channel: OnceLock::new(),
            policies,
            metrics,
            pubsub: PubSubs::default(),
            health: Health::default(),
            shutdown: Shutdown::default(),
            pipelines: Pipelines::default(),
            loader: Loader::default(),
            extended: Extended::default(),
            names,
        })
    }

    /// What it shall be.
    pub fn config(&self) -> &Arc<config::Runtime> {
        &self.config
    }

    /// The application's id.
    pub fn app_id(&self) -> &str {
        &self.config.identity.app_id
    }

    /// The drivers that are compiled in.
    pub fn drivers(&self) -> &Drivers {
        &self.drivers
    }

    /// The way to other processes.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where tasks of drivers and deliveries run.
    pub fn tasks(&self) -> &tokio::runtime::Handle {
        &self.tasks
    }

    /// The components that are up.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// What calls run under.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// What is kept of messages.
    pub(crate) fn pubsub(&self) -> &PubSubs {
        &self.pubsub
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// How far it is, and how the application does.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Where other applications are.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What requests pass on their way.
    pub(crate) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// The wish that the process ends.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// How the configured components do.
    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }

    /// What was set through the metadata API.
    pub(crate) fn extended(&self) -> &Extended {
        &self.extended
    }

    /// Says how the application is called; once, before the runtime starts. Applications without a server have none.
    pub fn set_channel(&self, channel: Arc<dyn AppChannel>) {
        let _ = self.channel.set(channel);
    }

    /// The application; `None` when it has no server.
    pub fn channel(&self) -> Option<&Arc<dyn AppChannel>> {
        self.channel.get()
    }
}

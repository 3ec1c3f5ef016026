//! The server as a client sees it: every path, every method, every limit, over a real socket.

mod client;
mod endpoints;
mod explain;
mod limits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mecha_base::drain;
use mecha_cluster::ClusterSet;
use mecha_config::server::Roller;
use mecha_config::{Config, Server};
use mecha_config_mosn::Format;
use mecha_metrics::Registry;
use mecha_observe::Logs;
use mecha_route::RouteTable;
use tokio::task::JoinHandle;

use crate::{AdminContext, Live, bind};

const CONFIG: &str = include_str!("tests/config.json");

/// What runs, without anything running.
struct Snapshot {
    config: Arc<Config>,
    routers: Vec<Arc<RouteTable>>,
    clusters: Arc<ClusterSet>,
}

impl Live for Snapshot {
    fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    fn router(&self, name: &str) -> Option<Arc<RouteTable>> {
        self.routers.iter().find(|table| &**table.name() == name).cloned()
    }

    fn clusters(&self) -> Arc<ClusterSet> {
        self.clusters.clone()
    }

    fn state(&self) -> u8 {
        6
    }
}

/// A server on a free port.
struct Admin {
    address: SocketAddr,
    registry: Arc<Registry>,
    logs: Logs,
    clusters: Arc<ClusterSet>,
    drain: drain::Trigger,
    server: JoinHandle<std::io::Result<()>>,
}

impl Admin {
    fn start() -> Admin {
        let loaded = mecha_config_mosn::parse(CONFIG, Format::Json, "config.json");
        let config = Arc::new(loaded.config.unwrap_or_else(|| panic!("{}", loaded.diagnostics)));
        let registry = Registry::new(1);
        let logs = Logs::new(registry.clone(), Roller::default());
        let clusters = Arc::new(ClusterSet::build(&config.clusters, None));
        let live = Snapshot {
            routers: config.routers.iter().map(|router| Arc::new(RouteTable::build(router))).collect(),
            clusters: clusters.clone(),
            config,
        };
        let context = AdminContext {
            live: Arc::new(live),
            registry: registry.clone(),
            logs: logs.clone(),
            version: "0.1.0",
        };
        let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (drain, watch) = drain::new();
        Admin {
            address: bound.address(),
            registry,
            logs,
            clusters,
            drain,
            server: tokio::spawn(bound.serve(context, watch)),
        }
    }

    /// Ends it as the process would.
    async fn stop(mut self) {
        self.drain.start(drain::Mode::Graceful);
        assert!(self.drain.wait(Duration::from_secs(30)).await);
        self.server.await.unwrap().unwrap();
    }
}

/// A log of the process' own, to standard error, which has levels.
fn own_log(logs: &Logs) -> mecha_observe::LogHandle {
    let server = Server { log: mecha_config::server::LogTarget::Stderr, ..Server::default() };
    mecha_observe::log::init(&server, logs).unwrap()
}

//! Everything a process needs from its surroundings, taken before anything runs: logs, addresses, the pid
//! file. Whatever can't be had ends the start here, with nothing half done.

use std::sync::Arc;
use std::time::Instant;

use mecha_config::cluster::HostAddress;
use mecha_config::{self as config, Config, ListenerAddress};
use mecha_metrics::Registry;
use mecha_net::{Address, listener as net};
use mecha_observe::{AccessLog, Logs};
use mecha_proxy::access::AccessSink;
use mecha_proxy::{Listener, Snapshot};
use tokio::sync::watch;

use crate::base::Base;
use crate::clusters::LiveClusters;
use crate::error::AppError;
use crate::pid::PidFile;
use crate::sidecar::Sidecar;
use crate::{Options, Ready};

/// A process that has everything it needs, and does not run yet.
pub struct Bound {
    pub(crate) config: Arc<Config>,
    pub(crate) workers: usize,
    pub(crate) version: &'static str,
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: Logs,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Holds the sending end: workers live as long as it does.
    pub(crate) clusters: Arc<LiveClusters>,
    pub(crate) sidecar: Option<Sidecar>,
    pub(crate) doors: Vec<Taken>,
    pub(crate) inner: Vec<Arc<Listener>>,
    pub(crate) admin: Option<mecha_admin::Bound>,
    pub(crate) pid: Option<PidFile>,
}

/// A listener with its address taken.
pub(crate) struct Taken {
    pub(crate) listener: Arc<Listener>,
    pub(crate) socket: net::Bound,
    pub(crate) address: Address,
}

impl Bound {
    /// Takes it all.
    ///
    /// # Errors
    /// When an address or a file can't be had.
    pub fn take(mut config: Config, base: &Base, options: &Options) -> Result<Self, AppError> {
        let begun = Instant::now();
        base.adopt(&mut config);
        if let Some(runtime) = config.runtime.as_deref_mut() {
            base.keep_ports(runtime);
        }
        Sidecar::extend(&mut config);
        let Base { workers, registry, logs, .. } = base;
        let (workers, registry, logs) = (*workers, registry.clone(), logs.clone());
        let (mut doors, mut inner) = (Vec::new(), Vec::new());
        for listener in &config.listeners {
            if listener.bind {
                let inner = is_inner(&config, &listener.address);
                doors.push(take_listener(listener, workers, inner, &logs)?);
            } else {
                // No socket: calls from within the process enter by it.
                inner.push(Listener::new(listener, 0, true, open_logs(listener, &logs)?));
            }
        }
        let admin = config.admin.as_ref().map(take_admin).transpose()?;
        let pid = config.server.pid_file.as_deref().map(PidFile::write).transpose()?;
        let snapshot = Arc::new(Snapshot::build(&config, None));
        let (sender, snapshots) = watch::channel(snapshot.clone());
        let config = Arc::new(config);
        let clusters = LiveClusters::new(config.clone(), snapshot, sender);
        let sidecar = config.runtime.as_deref();
        let take = |runtime| Sidecar::take(runtime, options.drivers, clusters.clone(), workers, begun);
        let sidecar = sidecar.map(take).transpose()?;
        if let Some(sidecar) = &sidecar {
            base.note_ports(sidecar.runtime.config());
        }
        let version = options.version;
        Ok(Bound {
            config,
            workers,
            version,
            registry,
            logs,
            snapshots,
            clusters,
            sidecar,
            doors,
            inner,
            admin,
            pid,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Ready {
        Ready {
            listeners: self
                .doors
                .iter()
                .map(|door| (door.listener.name().to_owned(), door.address.clone()))
                .collect(),
            apis: self.sidecar.as_ref().map(Sidecar::addresses).unwrap_or_default(),
            admin: self.admin.as_ref().map(mecha_admin::Bound::address),
        }
    }
}

fn take_listener(
    config: &config::Listener,
    workers: usize,
    inner: bool,
    logs: &Logs,
) -> Result<Taken, AppError> {
    let failed = |source| AppError::Listen {
        listener: config.name.clone(),
        address: config.address.to_string(),
        source,
    };
    let socket = match &config.address {
        ListenerAddress::Tcp(address) => net::bind_tcp(*address, workers),
        ListenerAddress::Unix(path) => net::bind_unix(path),
    };
    let socket = socket.map_err(failed)?;
    let address = socket.address().map_err(failed)?;
    let listener = Listener::new(config, address.port().unwrap_or(0), inner, open_logs(config, logs)?);
    Ok(Taken { listener, socket, address })
}

/// Whether a cluster leads to a listener of this address: requests pass this process twice.
fn is_inner(config: &Config, address: &ListenerAddress) -> bool {
    let leads_here = |host: &HostAddress| match (host, address) {
        (HostAddress::Tcp(host), ListenerAddress::Tcp(own)) => {
            host.port() == own.port() && (host.ip() == own.ip() || own.ip().is_unspecified())
        }
        (HostAddress::Unix(host), ListenerAddress::Unix(own)) => host == own,
        (HostAddress::Name(name, port), ListenerAddress::Tcp(own)) => {
            name == "localhost" && *port == own.port()
        }
        _ => false,
    };
    config.clusters.iter().flat_map(|cluster| &cluster.hosts).any(|host| leads_here(&host.address))
}

fn open_logs(config: &config::Listener, logs: &Logs) -> Result<Vec<Arc<dyn AccessSink>>, AppError> {
    let failed =
        |source| AppError::Log { what: format!("access log of listener \"{}\"", config.name), source };
    config.access_logs.iter().map(|log| AccessLog::open(log, logs).map_err(failed)).collect()
}

fn take_admin(admin: &config::Admin) -> Result<mecha_admin::Bound, AppError> {
    mecha_admin::bind(admin.address)
        .map_err(|source| AppError::Admin { address: admin.address.to_string(), source })
}

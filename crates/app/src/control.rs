//! The control thread: starts the workers and the runtime, then waits for what ends the process.

use std::sync::mpsc::Sender;

use mecha_admin::AdminContext;
use mecha_base::drain::{self, Watch};
use mecha_config::Config;
use mecha_proxy::{Drains, Workers};
use tokio::runtime::Runtime;

use crate::bound::{Bound, Taken};
use crate::discovery;
use crate::error::AppError;
use crate::live::{Stage, State};
use crate::process::{Process, Triggers};
use crate::signals::Signals;
use crate::workers::{Share, Threads};
use crate::{Ended, Load, Options, Ready};

impl Bound {
    /// Runs until a signal or the option `end` ends it; the option `ready` is told when everything listens. `signals` are
    /// watched from the first run on, so that none is lost between two.
    ///
    /// # Errors
    /// When a thread can't be started, a worker is lost, or a component that must be initialised can't be.
    pub(crate) fn run(
        self,
        options: &Options,
        load: &Load,
        signals: &mut Option<Signals>,
    ) -> Result<Ended, AppError> {
        let failed = |source| AppError::Thread { what: "the control thread".to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let signals = match signals {
            Some(signals) => signals,
            None => {
                let _entered = runtime.enter();
                let watched = Signals::watch(self.sidecar.is_some(), options.end.clone());
                signals.insert(watched.map_err(failed)?)
            }
        };
        let addresses = self.addresses();
        let pid = self.pid;
        let state = State::new(self.config.clone(), self.clusters.clone(), self.registry.clone());
        let (outer_trigger, outer) = drain::new();
        let (inner_trigger, inner_watch) = drain::new();
        let (last_trigger, last) = drain::new();
        let drains = Drains { outer: outer.clone(), inner: inner_watch };
        let shares = share_out(self.doors, self.workers, &self.config)?;
        let workers = Workers::new(self.workers, self.registry.clone());
        discovery::start(&runtime, &self.config, &self.clusters);
        let threads = Threads::start(&workers, &self.snapshots, shares, &self.inner, &drains)?;
        drop(drains);
        if let Some(admin) = self.admin {
            let (live, logs) = (state.clone(), self.logs.clone());
            let context = AdminContext { live, registry: self.registry, logs, version: self.version };
            serve_admin(&runtime, admin, context, last.clone());
        }
        let process = Process {
            config: self.config,
            state,
            triggers: Triggers { outer: outer_trigger, inner: inner_trigger, last: last_trigger },
            threads,
            clusters: self.clusters,
            signals,
            logs: self.logs,
            sidecar: self.sidecar,
            options: options.clone(),
            load: load.clone(),
        };
        let begun = Begun { addresses, workers: self.workers, ready: options.ready.clone() };
        let ended = process.until_ended(&runtime, begun, outer, last);
        drop(pid);
        ended
    }
}

/// What is told once everything is open.
pub(crate) struct Begun {
    addresses: Ready,
    workers: usize,
    ready: Option<Sender<Ready>>,
}

impl Begun {
    pub(crate) fn tell(self, state: &State) {
        state.enter(Stage::Running);
        announce(&self.addresses, self.workers);
        if let Some(ready) = self.ready {
            let _ = ready.send(self.addresses);
        }
    }
}

fn serve_admin(runtime: &Runtime, admin: mecha_admin::Bound, context: AdminContext, watch: Watch) {
    runtime.spawn(async move {
        if let Err(error) = admin.serve(context, watch).await {
            tracing::error!("the admin API ended: {error}");
        }
    });
}

/// Gives each worker its socket of every listener.
fn share_out(doors: Vec<Taken>, workers: usize, config: &Config) -> Result<Vec<Vec<Share>>, AppError> {
    let mut shares: Vec<Vec<Share>> =
        (0..workers).map(|_| Vec::with_capacity(config.listeners.len())).collect();
    for Taken { listener, socket, address } in doors {
        let failed = |source| AppError::Listen {
            listener: listener.name().to_owned(),
            address: address.to_string(),
            source,
        };
        let sockets = socket.split(workers).map_err(failed)?;
        for (share, socket) in shares.iter_mut().zip(sockets) {
            share.push(Share { listener: listener.clone(), socket });
        }
    }
    Ok(shares)
}

fn announce(ready: &Ready, workers: usize) {
    for (name, address) in &ready.listeners {
        tracing::info!("listener {name} on {address}");
    }
    for (name, address) in &ready.apis {
        tracing::info!("{name} on {address}");
    }
    if let Some(admin) = ready.admin {
        tracing::info!("admin on http://{admin}/");
    }
    tracing::info!("running with {workers} workers");
}

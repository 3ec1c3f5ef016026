//! The control thread: admin, signals, and the end of the process.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use mecha_admin::AdminContext;
use mecha_base::drain::{self, Mode, Trigger};
use mecha_config::{Config, ListenerAddress};
use mecha_observe::Logs;
use mecha_proxy::{Drains, Workers};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::bound::{Bound, Taken};
use crate::error::AppError;
use crate::live::{Stage, State};
use crate::workers::{Share, Threads};
use crate::{Ended, Ready};

/// How long workers may take to let go of everything once they are told to stop at once.
const ABORT_LIMIT: Duration = Duration::from_secs(5);
/// How long the logs may take to write what is queued.
const LOG_LIMIT: Duration = Duration::from_secs(5);

impl Bound {
    /// Runs until a signal ends it; `ready` is told when everything listens.
    ///
    /// # Errors
    /// When a thread can't be started, or a worker is lost.
    pub fn run(self, ready: Option<Sender<Ready>>) -> Result<Ended, AppError> {
        let failed = |source| AppError::Thread { what: "the control thread".to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let signals = {
            let _entered = runtime.enter();
            Signals::watch().map_err(failed)?
        };
        let addresses = self.addresses();
        let Bound { config, workers, version, registry, logs, snapshot, doors, inner, admin, pid } = self;
        let state = State::new(config.clone(), snapshot.clone(), registry.clone());
        let (outer_trigger, outer) = drain::new();
        let (inner_trigger, inner_watch) = drain::new();
        let drains = Drains { outer, inner: inner_watch };
        let shares = share_out(doors, workers, &config)?;
        let threads =
            Threads::start(&Workers::new(workers, registry.clone()), &snapshot, shares, &inner, &drains)?;
        drop(drains);
        let (admin_trigger, admin_watch) = drain::new();
        if let Some(admin) = admin {
            let context = AdminContext { live: state.clone(), registry, logs: logs.clone(), version };
            runtime.spawn(async move {
                if let Err(error) = admin.serve(context, admin_watch).await {
                    tracing::error!("the admin API ended: {error}");
                }
            });
        }
        state.enter(Stage::Running);
        announce(&addresses, workers);
        if let Some(ready) = ready {
            let _ = ready.send(addresses);
        }
        let process = Process {
            config,
            state,
            outer: outer_trigger,
            inner: inner_trigger,
            admin: admin_trigger,
            threads,
            signals,
            logs,
        };
        let ended = process.until_ended(&runtime);
        drop(pid);
        ended
    }
}

/// A running process.
struct Process {
    config: Arc<Config>,
    state: Arc<State>,
    /// Ends what only others connect to.
    outer: Trigger,
    /// Ends what this process connects to itself.
    inner: Trigger,
    admin: Trigger,
    threads: Threads,
    signals: Signals,
    logs: Logs,
}

impl Process {
    fn until_ended(mut self, runtime: &Runtime) -> Result<Ended, AppError> {
        let result = runtime.block_on(self.serve());
        self.state.enter(Stage::Stopped);
        self.admin.start(Mode::Graceful);
        self.threads.join();
        for listener in &self.config.listeners {
            if let ListenerAddress::Unix(path) = &listener.address {
                let _ = std::fs::remove_file(path);
            }
        }
        tracing::info!("stopped");
        for path in self.logs.shutdown(LOG_LIMIT) {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("mecha: the log {path} could not be finished in time\n"),
            );
        }
        result
    }

    async fn serve(&mut self) -> Result<Ended, AppError> {
        loop {
            tokio::select! {
                asked = self.signals.next() => match asked {
                    Asked::Drain => return Ok(self.drain().await),
                    Asked::Stop => return Ok(self.stop().await),
                    Asked::Reopen => self.logs.reopen(),
                },
                lost = self.threads.ended.recv() => {
                    self.stop().await;
                    return Err(AppError::WorkerLost(lost.unwrap_or_default()));
                }
            }
        }
    }

    /// Lets requests in flight finish, up to the graceful timeout.
    async fn drain(&mut self) -> Ended {
        let limit = self.config.server.graceful_timeout;
        tracing::info!("draining: requests in flight may take up to {limit:?}");
        self.state.enter(Stage::GracefulStopping);
        let deadline = tokio::time::Instant::now() + limit;
        for half in [Half::Outer, Half::Inner] {
            if !self.drain_half(half, deadline).await {
                return self.stop().await;
            }
        }
        Ended::Drained
    }

    /// Whether everything of this half ended in time, and nobody asked for a quicker end.
    async fn drain_half(&mut self, half: Half, deadline: Instant) -> bool {
        let trigger = match half {
            Half::Outer => &mut self.outer,
            Half::Inner => &mut self.inner,
        };
        trigger.start(Mode::Graceful);
        loop {
            tokio::select! {
                done = trigger.wait(deadline.saturating_duration_since(Instant::now())) => return done,
                asked = self.signals.next() => match asked {
                    Asked::Stop => return false,
                    Asked::Reopen => self.logs.reopen(),
                    Asked::Drain => {}
                },
            }
        }
    }

    /// Ends at once.
    async fn stop(&mut self) -> Ended {
        self.state.enter(Stage::Stopping);
        self.outer.start(Mode::Immediate);
        self.inner.start(Mode::Immediate);
        if !self.outer.wait(ABORT_LIMIT).await || !self.inner.wait(ABORT_LIMIT).await {
            tracing::error!("workers did not stop in time");
        }
        Ended::Cut
    }
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
    if let Some(admin) = ready.admin {
        tracing::info!("admin on http://{admin}/");
    }
    tracing::info!("running with {workers} workers");
}

/// One of the two halves of a drain.
#[derive(Clone, Copy)]
enum Half {
    Outer,
    Inner,
}

/// What a signal asks for.
enum Asked {
    /// SIGTERM.
    Drain,
    /// SIGINT, SIGQUIT.
    Stop,
    /// SIGUSR1.
    Reopen,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    user1: Signal,
    hangup: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            user1: signal(SignalKind::user_defined1())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Asked::Drain,
                _ = self.interrupt.recv() => return Asked::Stop,
                _ = self.quit.recv() => return Asked::Stop,
                _ = self.user1.recv() => return Asked::Reopen,
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP: a configuration is not reloaded in place; start a new process");
                }
            }
        }
    }
}

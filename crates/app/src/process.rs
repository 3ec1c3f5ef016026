//! A running process: what it waits for, and how it ends. Listeners and APIs first, then what the process itself leads
//! to, then components.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mecha_base::drain::{Mode, Trigger, Watch};
use mecha_config::runtime::Endpoint;
use mecha_config::{Config, ListenerAddress};
use mecha_observe::Logs;
use mecha_runtime::shutdown::Wish;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clusters::LiveClusters;
use crate::control::Begun;
use crate::error::AppError;
use crate::live::{Stage, State};
use crate::sidecar::Sidecar;
use crate::signals::{Asked, Signals};
use crate::workers::Threads;
use crate::{Ended, Load, Options};

/// How long workers may take to let go of everything once they are told to stop at once.
const ABORT_LIMIT: Duration = Duration::from_secs(5);
/// How long components may take to close when nothing else is said.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A running process.
pub(crate) struct Process<'s> {
    pub(crate) config: Arc<Config>,
    pub(crate) state: Arc<State>,
    pub(crate) triggers: Triggers,
    pub(crate) threads: Threads,
    pub(crate) clusters: Arc<LiveClusters>,
    pub(crate) signals: &'s mut Signals,
    pub(crate) logs: Logs,
    pub(crate) sidecar: Option<Sidecar>,
    pub(crate) options: Options,
    pub(crate) load: Load,
}

/// What ends the parts of a process.
pub(crate) struct Triggers {
    /// What only others connect to.
    pub(crate) outer: Trigger,
    /// What this process connects to itself.
    pub(crate) inner: Trigger,
    /// What is open to the very end: admin and metrics.
    pub(crate) last: Trigger,
}

/// One of the two halves of a drain.
#[derive(Clone, Copy)]
enum Half {
    Outer,
    Inner,
}

impl Process<'_> {
    /// `outer` and `last` are the drains of what opens once components are loaded.
    pub(crate) fn until_ended(
        mut self,
        runtime: &Runtime,
        begun: Begun,
        outer: Watch,
        last: Watch,
    ) -> Result<Ended, AppError> {
        let result = runtime.block_on(self.serve(begun, outer, last));
        self.state.enter(Stage::Stopped);
        if let Some(sidecar) = self.sidecar.take() {
            let limit = self.config.server.graceful_timeout.clamp(Duration::from_millis(500), CLOSE_LIMIT);
            if !sidecar.end(limit) {
                tracing::warn!("components did not close in time");
            }
        }
        self.triggers.last.start(Mode::Immediate);
        runtime.block_on(self.triggers.last.wait(Duration::from_secs(1)));
        // Workers that nobody drained end when nobody can give them another snapshot.
        drop(self.clusters);
        self.threads.join();
        for path in unix_sockets(&self.config) {
            let _ = std::fs::remove_file(path);
        }
        tracing::info!("stopped");
        result
    }

    async fn serve(&mut self, begun: Begun, outer: Watch, last: Watch) -> Result<Ended, AppError> {
        if let Some(ended) = self.begin(outer, last).await? {
            return Ok(ended);
        }
        begun.tell(&self.state);
        loop {
            let wish = wish(self.sidecar.as_ref());
            tokio::select! {
                asked = self.signals.next() => {
                    if let Some(ended) = self.obey(asked).await? {
                        return Ok(ended);
                    }
                }
                wish = wish => return match wish {
                    Wish::Forced => self.force().await,
                    Wish::Restart => self.drain(Ended::Restart).await,
                    Wish::Failed => {
                        self.drain(Ended::Drained).await?;
                        Err(AppError::Failed)
                    }
                    Wish::Graceful | Wish::None => self.drain(Ended::Drained).await,
                },
                lost = self.threads.ended.recv() => {
                    self.stop().await;
                    return Err(AppError::WorkerLost(lost.unwrap_or_default()));
                }
            }
        }
    }

    /// Loads components and opens the APIs; signals are heard meanwhile.
    async fn begin(&mut self, outer: Watch, last: Watch) -> Result<Option<Ended>, AppError> {
        let Some(sidecar) = &self.sidecar else { return Ok(None) };
        let mut starting: JoinHandle<Result<(), AppError>> = sidecar.start(self.threads.entrances.clone());
        loop {
            tokio::select! {
                started = &mut starting => {
                    let lost = || AppError::Components("loading components failed; this is a fault of Mecha".to_owned());
                    if let Err(error) = started.unwrap_or_else(|_| Err(lost())) {
                        drop(outer);
                        self.stop().await;
                        return Err(error);
                    }
                    break;
                }
                asked = self.signals.next() => match asked {
                    Asked::Reopen => self.logs.reopen(),
                    asked => {
                        starting.abort();
                        drop(outer);
                        return match asked {
                            Asked::Stop => Ok(Some(self.stop().await)),
                            Asked::Restart => self.finish(Ended::Restart).await.map(Some),
                            _ => self.finish(Ended::Drained).await.map(Some),
                        };
                    }
                }
            }
        }
        if let Some(sidecar) = &mut self.sidecar {
            if let Err(error) = sidecar.open(&self.threads.entrances, &outer, &last) {
                drop(outer);
                self.stop().await;
                return Err(error);
            }
            sidecar.follow(&self.options, &self.load);
        }
        Ok(None)
    }

    async fn obey(&mut self, asked: Asked) -> Result<Option<Ended>, AppError> {
        match asked {
            Asked::Drain => self.drain(Ended::Drained).await.map(Some),
            Asked::Restart => self.drain(Ended::Restart).await.map(Some),
            Asked::Stop => Ok(Some(self.stop().await)),
            Asked::Reopen => {
                self.logs.reopen();
                Ok(None)
            }
        }
    }

    /// Ends once the configuration lets it, and what is in flight is done.
    async fn drain(&mut self, ended: Ended) -> Result<Ended, AppError> {
        if ended != Ended::Restart
            && let Some(sidecar) = &self.sidecar
        {
            tokio::select! {
                () = sidecar.block() => {}
                asked = self.signals.next() => tracing::info!("asked again ({asked:?}): not waiting any longer"),
            }
        }
        self.finish(ended).await
    }

    /// Lets requests and messages in flight finish, up to the graceful timeout.
    async fn finish(&mut self, mut ended: Ended) -> Result<Ended, AppError> {
        let limit = self.config.server.graceful_timeout;
        tracing::info!("draining: requests in flight may take up to {limit:?}");
        self.state.enter(Stage::GracefulStopping);
        let deadline = Instant::now() + limit;
        let mut in_time = match &self.sidecar {
            Some(sidecar) => sidecar.quiesce(limit).await,
            None => true,
        };
        for half in [Half::Outer, Half::Inner] {
            in_time = in_time && self.drain_half(half, deadline, &mut ended).await;
        }
        if self.sidecar.is_some() {
            if in_time {
                tracing::info!("Daprd shutdown gracefully");
            } else {
                tracing::error!("Graceful shutdown timeout exceeded, forcing shutdown");
            }
        }
        if !in_time {
            self.stop().await;
        }
        Ok(if in_time || ended == Ended::Restart { ended } else { Ended::Cut })
    }

    /// Whether everything of this half ended in time, and nobody asked for a quicker end. Who asks for an end meanwhile
    /// does not want another beginning.
    async fn drain_half(&mut self, half: Half, deadline: Instant, ended: &mut Ended) -> bool {
        let trigger = match half {
            Half::Outer => &mut self.triggers.outer,
            Half::Inner => &mut self.triggers.inner,
        };
        trigger.start(Mode::Graceful);
        loop {
            tokio::select! {
                biased;
                asked = self.signals.next() => match asked {
                    Asked::Stop => {
                        *ended = Ended::Cut;
                        return false;
                    }
                    Asked::Drain => *ended = Ended::Drained,
                    Asked::Reopen => self.logs.reopen(),
                    Asked::Restart => {}
                },
                done = trigger.wait(deadline.saturating_duration_since(Instant::now())) => return done,
            }
        }
    }

    /// Ends at once.
    async fn stop(&mut self) -> Ended {
        self.state.enter(Stage::Stopping);
        self.triggers.outer.start(Mode::Immediate);
        self.triggers.inner.start(Mode::Immediate);
        if !self.triggers.outer.wait(ABORT_LIMIT).await || !self.triggers.inner.wait(ABORT_LIMIT).await {
            tracing::error!("workers did not stop in time");
        }
        Ended::Cut
    }

    /// Ends at once because an API call asked for it; its answer may still go out (reference 1.2).
    async fn force(&mut self) -> Result<Ended, AppError> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.stop().await;
        Err(AppError::Forced)
    }
}

/// The files of the sockets that were taken.
fn unix_sockets(config: &Config) -> impl Iterator<Item = &Path> {
    let listeners = config.listeners.iter().filter(|listener| listener.bind);
    let listeners = listeners.filter_map(|listener| match &listener.address {
        ListenerAddress::Unix(path) => Some(path.as_path()),
        ListenerAddress::Tcp(_) => None,
    });
    let apis = config.runtime.iter().flat_map(|runtime| runtime.apis.http.iter().chain(&runtime.apis.grpc));
    let apis = apis.filter_map(|api| match api {
        Endpoint::Unix(path) => Some(path.as_path()),
        Endpoint::Tcp(_) => None,
    });
    listeners.chain(apis)
}

/// Waits for an API call that asks for the end; for ever without a runtime.
async fn wish(sidecar: Option<&Sidecar>) -> Wish {
    match sidecar {
        Some(sidecar) => sidecar.runtime.shutdown().wanted(Wish::None).await,
        None => std::future::pending().await,
    }
}

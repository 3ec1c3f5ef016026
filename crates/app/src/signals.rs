//! The signals of the process and what each asks for. A proxy ends at once by SIGINT, as MOSN does; a process with an
//! application runtime finishes what is in flight, as Dapr does.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Finish, then end.
    Drain,
    /// End at once.
    Stop,
    /// Finish, then begin anew.
    Restart,
    /// Open the log files again.
    Reopen,
}

pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    user1: Signal,
    hangup: Signal,
    /// There is a runtime.
    runtime: bool,
    /// Says in place of SIGTERM, SIGINT and SIGHUP that the process shall end.
    end: Option<watch::Receiver<bool>>,
    /// Somebody else looks after SIGTERM and SIGINT, even once the end was told.
    told: bool,
}

impl Signals {
    pub(crate) fn watch(runtime: bool, end: Option<watch::Receiver<bool>>) -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            user1: signal(SignalKind::user_defined1())?,
            hangup: signal(SignalKind::hangup())?,
            runtime,
            told: end.is_some(),
            end,
        })
    }

    pub(crate) async fn next(&mut self) -> Asked {
        loop {
            let told = self.told;
            let (name, asked) = tokio::select! {
                () = ended(&mut self.end) => return Asked::Drain,
                _ = self.terminate.recv(), if !told => ("terminated", Asked::Drain),
                _ = self.interrupt.recv(), if !told => {
                    ("interrupt", if self.runtime { Asked::Drain } else { Asked::Stop })
                }
                _ = self.quit.recv() => ("quit", Asked::Stop),
                _ = self.user1.recv() => return Asked::Reopen,
                _ = self.hangup.recv(), if !told => ("hangup", Asked::Restart),
            };
            if !self.runtime {
                if asked == Asked::Restart {
                    tracing::warn!("SIGHUP: a configuration is not reloaded in place; start a new process");
                    continue;
                }
                return asked;
            }
            match asked {
                Asked::Restart => tracing::info!("Received signal 'hangup'; triggering SIGHUP reload"),
                _ => tracing::info!("Received signal '{name}'; beginning shutdown"),
            }
            return asked;
        }
    }
}

/// Waits until the process is told to end; for ever when nobody can.
async fn ended(end: &mut Option<watch::Receiver<bool>>) {
    let Some(watch) = end else { return std::future::pending().await };
    // Whoever could tell may be gone: that is an end as well.
    let _ = watch.wait_for(|end| *end).await;
    *end = None;
}

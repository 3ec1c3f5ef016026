//! Drain: one signal that tells every listener and connection to finish, and how urgently. The owner
//! keeps the [`Trigger`]; each task holds a [`Watch`], and the trigger learns when the last one is gone.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// How a task should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Keep serving.
    Serving,
    /// Take nothing new, finish what is in flight, tell peers to go elsewhere.
    Graceful,
    /// Stop now.
    Immediate,
}

/// The owner's end.
pub struct Trigger {
    mode: watch::Sender<Mode>,
    alive: mpsc::Receiver<()>,
}

/// A task's end; while any clone lives, the drain is not complete.
#[derive(Clone)]
pub struct Watch {
    mode: watch::Receiver<Mode>,
    _alive: mpsc::Sender<()>,
}

/// A new pair.
pub fn new() -> (Trigger, Watch) {
    let (mode, watched) = watch::channel(Mode::Serving);
    let (guard, alive) = mpsc::channel(1);
    (Trigger { mode, alive }, Watch { mode: watched, _alive: guard })
}

impl Trigger {
    /// Tells every task how to end.
    pub fn start(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Waits until every watch is gone, at most for `limit`. `true` when all are gone.
    pub async fn wait(&mut self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.alive.recv()).await.is_ok()
    }
}

impl Watch {
    /// The mode now; a plain read.
    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Whether draining has begun, by any mode.
    pub fn is_draining(&self) -> bool {
        self.mode() != Mode::Serving
    }

    /// Waits until the mode is no longer [`Mode::Serving`], and returns it. A trigger that is gone means [`Mode::Immediate`].
    pub async fn draining(&mut self) -> Mode {
        match self.mode.wait_for(|mode| *mode != Mode::Serving).await {
            Ok(mode) => *mode,
            Err(_) => Mode::Immediate,
        }
    }

    /// Waits until the mode is [`Mode::Immediate`].
    pub async fn aborted(&mut self) {
        let _ = self.mode.wait_for(|mode| *mode == Mode::Immediate).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_trigger_waits_for_the_last_watch() {
        let (mut trigger, mut watch) = new();
        let task = tokio::spawn(async move { watch.draining().await });
        trigger.start(Mode::Graceful);
        assert!(trigger.wait(Duration::from_secs(5)).await);
        assert_eq!(task.await.unwrap(), Mode::Graceful);
    }
}

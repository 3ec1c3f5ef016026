//! The life of a worker: serve, keep house some times a second, drain.

use std::sync::Arc;
use std::time::Duration;

use mecha_base::drain::{Mode, Watch};
use mecha_net::Listener as Socket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::Worker;
use super::doors::CloseDoors;
use crate::listener::{Listener, accept};
use crate::snapshot::Snapshot;

/// How often unused connections are looked after and log records handed over.
const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// A listener with its bound socket for one worker.
pub struct Doorway {
    /// What happens to its connections.
    pub listener: Arc<Listener>,
    /// Its socket.
    pub socket: Socket,
}

/// The two halves of a drain. What leads into the process ends first; what its own clusters lead to serves until then.
#[derive(Clone)]
pub struct Drains {
    /// Of listeners that only others connect to.
    pub outer: Watch,
    /// Of listeners that clusters of this process lead to.
    pub inner: Watch,
}

/// Serves until drained. Graceful: listeners close, connections finish and end; immediate: everything is dropped.
pub async fn run(
    worker: Arc<Worker>,
    doorways: Vec<Doorway>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut drains: Drains,
) {
    let (mut outer, mut inner) = (JoinSet::new(), JoinSet::new());
    let _close = CloseDoors(worker.clone());
    worker.enter();
    for doorway in doorways {
        let door = worker.open_door(doorway.listener);
        if door.listener.inner {
            inner.spawn(accept(door, doorway.socket, drains.inner.clone()));
        } else {
            outer.spawn(accept(door, doorway.socket, drains.outer.clone()));
        }
    }
    let bell = worker.pools().bell();
    let mut housekeeping = interval(HOUSEKEEPING);
    housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            mode = drains.outer.draining() => {
                if mode == Mode::Graceful {
                    finish(&worker, outer, inner, drains).await;
                }
                break;
            }
            _ = housekeeping.tick() => {
                worker.pools().sweep();
                // Whoever still waits elsewhere has its turn, however busy this worker is.
                worker.pools().yield_one();
                worker.flush_logs();
            }
            () = bell.notified() => worker.pools().yield_one(),
            changed = snapshots.changed() => {
                if changed.is_err() {
                    break;
                }
                worker.set_snapshot(&snapshots.borrow_and_update().clone());
            }
        }
    }
    worker.pools().clear();
}

/// Waits until listeners are closed and connections have ended, first the outer and then the inner ones, or until told
/// to stop at once.
async fn finish(worker: &Worker, mut outer: JoinSet<()>, mut inner: JoinSet<()>, drains: Drains) {
    let mut drain = drains.inner;
    let mut aborted = drain.clone();
    let ended = async {
        // Listeners first: a client that is told to go must not come back by the same door.
        while outer.join_next().await.is_some() {}
        worker.connections.drain(false);
        drop(drains.outer);
        drain.draining().await;
        while inner.join_next().await.is_some() {}
        worker.connections.drain(true);
        worker.connections.all_ended().await;
    };
    tokio::select! {
        () = ended => {}
        () = aborted.aborted() => {
            let left = worker.connections.count();
            if left > 0 {
                tracing::warn!(worker = worker.index, left, "connections were cut at the end of the graceful timeout");
            }
        }
    }
}

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

/// Serves until drained. Graceful: listeners close, connections finish and end; immediate: everything is dropped.
pub async fn run(
    worker: Arc<Worker>,
    doorways: Vec<Doorway>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut drain: Watch,
) {
    let mut accepting = JoinSet::new();
    let _close = CloseDoors(worker.clone());
    for doorway in doorways {
        let door = worker.open_door(doorway.listener);
        accepting.spawn(accept(door, doorway.socket, drain.clone()));
    }
    let bell = worker.pools().bell();
    let mut housekeeping = interval(HOUSEKEEPING);
    housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            mode = drain.draining() => {
                if mode == Mode::Graceful {
                    finish(&worker, &mut accepting, &mut drain).await;
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

/// Waits until listeners are closed and connections have ended, or until told to stop at once.
async fn finish(worker: &Worker, accepting: &mut JoinSet<()>, drain: &mut Watch) {
    let ended = async {
        // Listeners first: a client that is told to go must not come back by the same door.
        while accepting.join_next().await.is_some() {}
        worker.connections.drain();
        worker.connections.all_ended().await;
    };
    tokio::select! {
        () = ended => {}
        () = drain.aborted() => {
            let left = worker.connections.count();
            if left > 0 {
                tracing::warn!(worker = worker.index, left, "connections were cut at the end of the graceful timeout");
            }
        }
    }
}

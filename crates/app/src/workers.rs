//! The worker threads: one per core, each with a single-threaded runtime of its own. They end when drained, or when
//! nobody holds the sending end of their snapshots any more.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mecha_net::{Listener as Socket, listener as net};
use mecha_proxy::{Doorway, Drains, Listener, Snapshot, Workers, run};
use mecha_runtime::network::Entrance;
use tokio::sync::{mpsc, watch};

use crate::error::AppError;

/// The threads.
pub(crate) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// The ways in for calls from other threads.
    pub(crate) entrances: Vec<Entrance>,
    /// Says the number of each worker that ended.
    pub(crate) ended: mpsc::UnboundedReceiver<usize>,
}

/// What one worker serves.
pub(crate) struct Share {
    pub(crate) listener: Arc<Listener>,
    pub(crate) socket: net::Bound,
}

impl Threads {
    /// Starts a thread for each share of the listeners, and waits until all of them listen.
    pub(crate) fn start(
        workers: &Arc<Workers>,
        snapshots: &watch::Receiver<Arc<Snapshot>>,
        shares: Vec<Vec<Share>>,
        inner: &[Arc<Listener>],
        drains: &Drains,
    ) -> Result<Self, AppError> {
        let (tell_ended, ended) = mpsc::unbounded_channel();
        let (tell_started, started) = std::sync::mpsc::channel();
        let mut handles = Vec::new();
        let mut entrances = Vec::new();
        for (index, share) in shares.into_iter().enumerate() {
            let worker = Thread {
                index,
                workers: workers.clone(),
                share,
                inner: inner.to_vec(),
                snapshots: snapshots.clone(),
                drains: drains.clone(),
                tell_started: tell_started.clone(),
                tell_ended: tell_ended.clone(),
            };
            let failed = |source| AppError::Thread { what: format!("worker {index}"), source };
            let handle = thread::Builder::new().name(format!("worker-{index}")).spawn(move || worker.run());
            handles.push(handle.map_err(failed)?);
        }
        drop(tell_started);
        for _ in &handles {
            match started.recv() {
                Ok((_, Ok(entrance))) => entrances.push(entrance),
                Ok((index, Err(source))) => {
                    return Err(AppError::Thread { what: format!("worker {index}"), source });
                }
                Err(_) => return Err(AppError::WorkerLost(0)),
            }
        }
        Ok(Threads { handles, entrances, ended })
    }

    /// Waits for the threads to end.
    pub(crate) fn join(self) {
        drop(self.entrances);
        for handle in self.handles {
            let _ = handle.join();
        }
    }
}

struct Thread {
    index: usize,
    workers: Arc<Workers>,
    share: Vec<Share>,
    /// Listeners without a socket.
    inner: Vec<Arc<Listener>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    drains: Drains,
    tell_started: std::sync::mpsc::Sender<(usize, io::Result<Entrance>)>,
    tell_ended: mpsc::UnboundedSender<usize>,
}

impl Thread {
    fn run(self) {
        let Thread { index, workers, share, inner, snapshots, drains, tell_started, tell_ended } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let serve = |runtime: tokio::runtime::Runtime| {
            let entered = runtime.enter();
            let doorways = share
                .into_iter()
                .map(|share| Ok(Doorway { listener: share.listener, socket: Socket::start(share.socket)? }))
                .collect::<io::Result<Vec<_>>>()?;
            let worker = workers.worker(index, &snapshots.borrow());
            for listener in inner {
                worker.open(listener);
            }
            worker.enter();
            let entrance = Entrance { worker: worker.clone(), tasks: runtime.handle().clone() };
            let _ = tell_started.send((index, Ok(entrance)));
            drop(entered);
            runtime.block_on(run(worker, doorways, snapshots, drains));
            Ok(())
        };
        if let Err(error) = runtime.and_then(serve) {
            let _ = tell_started.send((index, Err(error)));
        }
        let _ = tell_ended.send(index);
    }
}

//! The thread that owns the connection, and the bounded queue before it. A caller that gave up while it waited is passed
//! over. The thread ends, and the connection with it, when the queue is closed or dropped.

use std::time::Duration;

use mecha_component::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::db::Db;

/// Most operations that wait for the thread; further callers wait for a place.
const WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&mut Db) + Send>;

/// The way to the thread.
pub(crate) struct Queue {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Its sender lives as long as the thread.
    ended: watch::Receiver<()>,
    timeout: Duration,
}

impl Queue {
    /// Starts the thread of the component `name`, which opens its connection first.
    pub(crate) async fn start(
        name: &str,
        timeout: Duration,
        open: impl FnOnce() -> Result<Db> + Send + 'static,
    ) -> Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let (alive, ended) = watch::channel(());
        let (opened, result) = oneshot::channel();
        let body = move || {
            let _alive = alive;
            match open() {
                Ok(db) => {
                    let _ = opened.send(Ok(()));
                    work(db, waiting);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        };
        std::thread::Builder::new()
            .name(format!("sqlite-{name}"))
            .spawn(body)
            .map_err(|error| Error::internal(format!("no thread for SQLite: {error}")))?;
        result.await.map_err(|_| ended_error())??;
        Ok(Queue { jobs: Mutex::new(Some(jobs)), ended, timeout })
    }

    /// Does `work` on the thread; what it answers.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let jobs = self.jobs.lock().clone().ok_or_else(ended_error)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            if !reply.is_closed() {
                let _ = reply.send(work(db));
            }
        });
        let done = async {
            jobs.send(job).await.map_err(|_| ended_error())?;
            answer.await.map_err(|_| ended_error())?
        };
        tokio::time::timeout(self.timeout, done).await.unwrap_or_else(|_| {
            let message = format!("the database did not answer within {:?}", self.timeout);
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    /// Takes no more work; done when what was queued is done and the connection is closed.
    pub(crate) async fn close(&self) {
        drop(self.jobs.lock().take());
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

fn work(mut db: Db, mut waiting: mpsc::Receiver<Job>) {
    while let Some(job) = waiting.blocking_recv() {
        job(&mut db);
    }
}

fn ended_error() -> Error {
    Error::unavailable("the database is closed")
}

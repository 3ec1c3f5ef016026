//! The runtime's way to other processes: calls into the exchange of a worker. On a worker's own thread a call is one
//! future with the exchange; from anywhere else (deliveries, drivers) it is handed to a worker.

mod relay;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mecha_base::{Error, Kind, Result};
use mecha_proxy::Worker;
use tokio::runtime::Handle;

use crate::body::Body;

/// The workers that calls go through.
#[derive(Clone, Default)]
pub struct Network(Arc<Shared>);

#[derive(Default)]
struct Shared {
    workers: arc_swap::ArcSwap<Vec<Entrance>>,
    next: AtomicUsize,
}

/// An extension of responses that the exchange made to tell of a failure: no host answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What failed.
    pub kind: Kind,
    /// In words, with what is known of it.
    pub message: String,
}

/// A worker and its thread's runtime.
#[derive(Clone)]
pub struct Entrance {
    /// The worker.
    pub worker: Arc<Worker>,
    /// Where tasks of its thread are spawned.
    pub tasks: Handle,
}

impl Network {
    /// Sets the workers, once they run. Until then calls fail.
    pub fn open(&self, workers: Vec<Entrance>) {
        self.0.workers.store(Arc::new(workers));
    }

    /// Lets go of the workers, so that they can end.
    pub fn close(&self) {
        self.0.workers.store(Arc::default());
    }

    /// Calls through the door (listener) of that name and returns the response once its head is there; both bodies
    /// stream. The request's authority chooses the virtual host, its version what is spoken where the cluster does not
    /// say. Dropping the response's body cancels the rest.
    ///
    /// # Errors
    /// When there is no such door, or the exchange ended without a response. What a client of the door would be told by
    /// status is a response here; one that the exchange made itself has [`Unanswered`] among its extensions.
    pub async fn call(&self, door: &str, request: http::Request<Body>) -> Result<http::Response<Body>> {
        if let Some(worker) = Worker::current() {
            return stream::call(&worker, door, request).await;
        }
        let workers = self.0.workers.load_full();
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed);
        let entrance = workers.get(turn % workers.len().max(1));
        let Some(entrance) = entrance else {
            return Err(Error::local(Kind::Shutdown, "no worker is running"));
        };
        relay::call(entrance.clone(), door.to_owned(), request).await
    }
}

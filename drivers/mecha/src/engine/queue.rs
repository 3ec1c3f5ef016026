//! A bounded queue from tasks to threads. Whoever puts something in waits, without blocking its thread, until there is
//! room; the thread at the other end takes what is there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Arc<Semaphore>,
    capacity: u32,
    state: Mutex<State<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<Queued<T>>,
    closed: bool,
}

/// What was put in; its room is free again when this goes.
#[derive(Debug)]
pub(crate) struct Queued<T> {
    /// The thing itself.
    pub(crate) item: T,
    _room: OwnedSemaphorePermit,
}

/// The other end is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl<T> Queue<T> {
    /// A queue for things that cost `capacity` together.
    pub(crate) fn new(capacity: u32) -> Self {
        Queue {
            room: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
            state: Mutex::new(State { items: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
        }
    }

    /// Puts something in that costs `cost` (what costs more than the capacity fills it alone); waits for room.
    ///
    /// # Errors
    /// When the queue is closed.
    pub(crate) async fn push(&self, item: T, cost: u32) -> Result<(), Closed> {
        let cost = cost.clamp(1, self.capacity);
        let room = Arc::clone(&self.room).acquire_many_owned(cost).await.map_err(|_| Closed)?;
        let mut state = self.state.lock();
        if state.closed {
            return Err(Closed);
        }
        state.items.push_back(Queued { item, _room: room });
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Moves everything that waits into `into`; blocks until there is something, or until `deadline`. Whether there will
    /// be more.
    pub(crate) fn take(&self, into: &mut Vec<Queued<T>>, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.items.is_empty() && !state.closed {
            match deadline {
                None => self.filled.wait(&mut state),
                Some(deadline) => {
                    if self.filled.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        into.extend(state.items.drain(..));
        !state.closed || !into.is_empty()
    }

    /// Takes one thing; blocks until there is one. `None` when the queue is closed and empty.
    pub(crate) fn take_one(&self) -> Option<Queued<T>> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            self.filled.wait(&mut state);
        }
    }

    /// Takes nothing more in. What is in it can still be taken.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.room.close();
        self.filled.notify_all();
    }
}

//! The doors of a worker: one for each listener, with or without a socket. Doors without a socket are entered
//! by calls alone.

use std::sync::Arc;

use super::Worker;
use crate::caller::Caller;
use crate::listener::{Door, Filter, Listener};

impl Worker {
    /// Opens a listener that has no socket (`bind_port` false) for calls, until [`super::run`] ends. To be called on the
    /// worker's thread. Listeners that [`super::run`] gets with their sockets are open for calls as well.
    pub fn open(self: &Arc<Self>, listener: Arc<Listener>) {
        self.open_door(listener);
    }

    /// The way into the exchange by a listener's name; `None` when no such listener is open here, when it has no `proxy`
    /// filter, or on another thread than the worker's.
    pub fn caller(&self, listener: &str) -> Option<Caller> {
        let doors = self.doors.borrow()?;
        let door = doors.iter().find(|door| door.listener.name() == listener)?;
        Caller::new(door)
    }

    pub(super) fn open_door(self: &Arc<Self>, listener: Arc<Listener>) -> Arc<Door> {
        for filter in &listener.filters {
            if let Filter::Http(http) = filter {
                self.pools.allow_frames(http.proxy.rpc.max_frame);
            }
        }
        let door = Door::new(self, listener);
        if let Some(mut doors) = self.doors.borrow() {
            doors.push(door.clone());
        }
        door
    }

    pub(super) fn flush_logs(&self) {
        if let Some(doors) = self.doors.borrow() {
            doors.iter().for_each(|door| door.flush_logs());
        }
    }
}

/// Closes the doors at the end of a worker's life: doors and worker hold each other until then.
pub(super) struct CloseDoors(pub(super) Arc<Worker>);

impl Drop for CloseDoors {
    fn drop(&mut self) {
        self.0.flush_logs();
        if let Some(mut doors) = self.0.doors.borrow() {
            doors.clear();
        }
    }
}

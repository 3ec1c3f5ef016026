//! Cells that belong to one worker thread. The data plane runs one thread per core and shares nothing
//! between them on the request path, yet its futures are `Send` so that API servers can call into the
//! exchange. [`WorkerCell`] reconciles both: it may be moved and shared, and only its own thread gets in.

use std::cell::{RefCell, RefMut};
use std::thread::{self, ThreadId};

/// A value that one thread owns; any other thread that asks for it gets `None`.
pub struct WorkerCell<T> {
    owner: ThreadId,
    value: RefCell<T>,
}

// SAFETY: `value` is reached only through `borrow`, which checks that the caller is the owning thread, so no two
// threads ever touch the RefCell. `T: Send` because the value may be dropped by whichever thread drops the cell.
#[allow(unsafe_code, reason = "the owner check in `borrow` is what makes sharing sound")]
unsafe impl<T: Send> Sync for WorkerCell<T> {}

thread_local! {
    static THIS: ThreadId = thread::current().id();
}

impl<T> WorkerCell<T> {
    /// A cell owned by the calling thread.
    pub fn new(value: T) -> Self {
        WorkerCell { owner: thread::current().id(), value: RefCell::new(value) }
    }

    /// The value, when the calling thread is its owner and it is not borrowed already.
    pub fn borrow(&self) -> Option<RefMut<'_, T>> {
        if THIS.with(|this| *this == self.owner) { self.value.try_borrow_mut().ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_thread_gets_nothing() {
        let cell = std::sync::Arc::new(WorkerCell::new(1));
        if let Some(mut value) = cell.borrow() {
            *value += 1;
        }
        assert_eq!(cell.borrow().map(|value| *value), Some(2));
        let there = cell.clone();
        assert!(thread::spawn(move || there.borrow().is_none()).join().unwrap());
    }
}

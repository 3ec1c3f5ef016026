//! The worker of the calling thread: how API servers that run on a worker find its doors without carrying it through
//! every layer of theirs.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::Worker;

thread_local! {
    static CURRENT: RefCell<Weak<Worker>> = const { RefCell::new(Weak::new()) };
}

impl Worker {
    /// The worker of this thread; `None` on any other thread, and once the worker has ended.
    pub fn current() -> Option<Arc<Worker>> {
        CURRENT.with(|current| current.borrow().upgrade())
    }

    /// Makes this the thread's worker. [`super::run`] does it as well; whoever serves before that calls it first.
    pub fn enter(self: &Arc<Self>) {
        CURRENT.with(|current| *current.borrow_mut() = Arc::downgrade(self));
    }
}

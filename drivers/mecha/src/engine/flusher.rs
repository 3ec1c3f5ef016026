//! The thread that moves full generations into the file below, removes what has ended, and makes the file smaller when
//! there is time. When the file can't be written it tries again until it can; writers are told once a whole generation
//! waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mecha_component::{Error, Result};
use parking_lot::{Condvar, Mutex};

use super::Inner;
use super::memory::Generation;
use super::record::now;
use super::wal::{segment_path, spare_path};

/// How soon a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is to be done, between the committer and this thread.
#[derive(Default)]
pub(crate) struct Flush {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: Option<(Arc<Generation>, u64)>,
    error: Option<Error>,
    stop: bool,
}

/// Whether a generation can be handed over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It can.
    Free,
    /// The engine stops; what is in the log is safe there.
    Stopping,
}

impl Flush {
    /// Waits until the generation before has reached the file.
    ///
    /// # Errors
    /// When it can't reach it.
    pub(crate) fn wait(&self) -> Result<Room> {
        let mut state = self.state.lock();
        while state.pending.is_some() {
            if state.stop {
                return Ok(Room::Stopping);
            }
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            self.changed.wait(&mut state);
        }
        Ok(Room::Free)
    }

    /// Hands over a generation and the last segment that belongs to it.
    pub(crate) fn begin(&self, generation: Arc<Generation>, segment: u64) {
        self.state.lock().pending = Some((generation, segment));
        self.changed.notify_all();
    }

    /// Ends the thread once it is done with what it does.
    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }

    /// What there is to do next; `None` = end.
    fn next(&self, idle: Duration) -> Option<Work> {
        let mut state = self.state.lock();
        let wait = if state.error.is_some() { RETRY } else { idle };
        let deadline = Instant::now() + wait;
        loop {
            if state.stop {
                return None;
            }
            match &state.pending {
                Some((generation, segment)) if state.error.is_none() => {
                    return Some(Work::Write(Arc::clone(generation), *segment));
                }
                _ => {}
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                state.error = None;
                return Some(
                    state.pending.clone().map_or(Work::Idle, |(g, segment)| Work::Write(g, segment)),
                );
            }
        }
    }

    fn done(&self, result: Result<()>) {
        let mut state = self.state.lock();
        match result {
            Ok(()) => {
                state.pending = None;
                state.error = None;
            }
            Err(error) => state.error = Some(error),
        }
        drop(state);
        self.changed.notify_all();
    }
}

enum Work {
    Write(Arc<Generation>, u64),
    Idle,
}

/// The body of the thread; ends after [`Flush::stop`].
pub(crate) fn run(inner: &Inner) {
    while let Some(work) = inner.flush.next(inner.limits.idle) {
        match work {
            Work::Write(generation, segment) => {
                let written = inner.base.flush(Some((&generation, segment)), now());
                if let Err(error) = &written {
                    tracing::error!("{error}; what was acknowledged is safe in the log, trying again");
                }
                if written.is_ok() {
                    inner.memory.write().settle();
                    recycle(inner, segment);
                }
                inner.flush.done(written.map(drop));
            }
            Work::Idle => {
                if let Err(error) = tidy(inner) {
                    tracing::warn!("{error}");
                }
            }
        }
    }
}

/// Removes what has ended and gives space back.
pub(crate) fn tidy(inner: &Inner) -> Result<()> {
    while inner.base.has_expired(now())? && inner.base.flush(None, now())? {}
    inner.base.compact()
}

/// Lets go of the segments up to `last`; one is kept to be used again, unless a huge commit made it huge.
pub(crate) fn recycle(inner: &Inner, last: u64) {
    let Ok(listed) = super::directory::segments(&inner.dir) else { return };
    for segment in listed.into_iter().filter(|segment| *segment <= last) {
        let path = segment_path(&inner.dir, segment);
        let usual = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= 2 * inner.limits.segment);
        let kept = segment == last && usual && std::fs::rename(&path, spare_path(&inner.dir)).is_ok();
        if !kept && let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!("{}: could not be removed: {error}", path.display());
        }
    }
}

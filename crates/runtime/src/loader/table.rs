//! What is configured and how each of it does. A ticket tells the attempts to start a component from those of an older
//! declaration: only the newest may bring a driver into use.

use std::collections::BTreeMap;
use std::sync::Arc;

use mecha_config::runtime::Component;
use parking_lot::Mutex;
use tokio::sync::MutexGuard;
use tokio::task::AbortHandle;

use super::connect::Ready;
use crate::components::Snapshot;
use crate::runtime::Runtime;

/// How a component does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is being started.
    Starting,
    /// It is up.
    Up,
    /// It waits for this secret store.
    Waiting(String),
    /// It failed.
    Failed {
        /// How.
        text: String,
        /// Whether it is tried again.
        again: bool,
    },
}

struct Entry {
    component: Component,
    ticket: u64,
    state: State,
    retry: Option<AbortHandle>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(retry) = &self.retry {
            retry.abort();
        }
    }
}

/// Every component that is to be up.
#[derive(Default)]
pub(crate) struct Loader {
    /// Held while components are loaded, changed or closed.
    alone: tokio::sync::Mutex<()>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<String, Entry>,
    next: u64,
}

impl Loader {
    pub(super) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// Notes that a component is being started; the ticket of this attempt. Ends older ones.
    pub(super) fn begin(&self, component: &Component) -> u64 {
        let mut table = self.table.lock();
        table.next += 1;
        let ticket = table.next;
        let entry = Entry { component: component.clone(), ticket, state: State::Starting, retry: None };
        table.entries.insert(component.name.clone(), entry);
        ticket
    }

    /// Notes how a component does, unless there is a newer attempt.
    pub(super) fn set(&self, name: &str, ticket: u64, state: State) {
        self.with(name, ticket, |entry| entry.state = state);
    }

    /// Notes the task that tries again.
    pub(super) fn set_retry(&self, name: &str, ticket: u64, retry: &AbortHandle) {
        if self.with(name, ticket, |entry| entry.retry = Some(retry.clone())).is_none() {
            retry.abort();
        }
    }

    /// Whether no newer attempt was made and the component was not removed.
    pub(super) fn is_current(&self, name: &str, ticket: u64) -> bool {
        self.with(name, ticket, |_| ()).is_some()
    }

    fn with<T>(&self, name: &str, ticket: u64, then: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut table = self.table.lock();
        table.entries.get_mut(name).filter(|entry| entry.ticket == ticket).map(then)
    }

    pub(super) fn forget(&self, name: &str) {
        self.table.lock().entries.remove(name);
    }

    pub(super) fn forget_all(&self) {
        self.table.lock().entries.clear();
    }

    /// The components as they were declared when they were started.
    pub(super) fn declared(&self) -> Vec<Component> {
        self.table.lock().entries.values().map(|entry| entry.component.clone()).collect()
    }

    /// The components that wait for a secret store.
    pub(super) fn waiting_for(&self, store: &str) -> Vec<Component> {
        let table = self.table.lock();
        let waiting =
            table.entries.values().filter(|entry| matches!(&entry.state, State::Waiting(it) if it == store));
        waiting.map(|entry| entry.component.clone()).collect()
    }

    /// The components that are not up, and why.
    pub(crate) fn troubled(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let table = self.table.lock();
        let tell = |(name, entry): (&String, &Entry)| {
            let state = match &entry.state {
                State::Up => return None,
                State::Starting => "starting".to_owned(),
                State::Waiting(store) => format!("waiting for secret store {store}"),
                State::Failed { text, again: true } => format!("retrying: {text}"),
                State::Failed { text, again: false } => format!("failed: {text}"),
            };
            Some((name.clone(), state))
        };
        table.entries.iter().filter_map(tell).collect::<Vec<_>>().into_iter()
    }
}

impl Runtime {
    /// Takes a driver into use.
    ///
    /// # Errors
    /// The driver, when the component was changed or removed in the meantime.
    pub(super) fn install(
        self: &Arc<Self>,
        component: &Component,
        ticket: u64,
        ready: Ready,
    ) -> Result<(), Ready> {
        let mut ready = Some(ready);
        self.loader().with(&component.name, ticket, |entry| {
            self.components().change(|snapshot| {
                if let Some(ready) = ready.take() {
                    ready.put(snapshot);
                }
            });
            entry.state = State::Up;
            entry.retry = None;
        });
        if let Some(ready) = ready {
            return Err(ready);
        }
        self.metrics().component_init(&component.kind, &component.name, true);
        self.metrics().components_loaded(Snapshot::count(&self.components().now()));
        Ok(())
    }
}

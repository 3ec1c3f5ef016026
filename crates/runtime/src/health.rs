//! How far the runtime is and how the application does: what the health endpoints answer, and what starts and stops
//! subscriptions.

use tokio::sync::watch;

/// The state of runtime and application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Components are loaded and the APIs are open: `/v1.0/healthz/outbound` is fine.
    pub outbound: bool,
    /// The application was found (or there is none) and its subscriptions were read: `/v1.0/healthz` is fine as long as
    /// the application is.
    pub ready: bool,
    /// The application counts as healthy. Always so without health checks, once it was found.
    pub app: bool,
}

/// The state, and those who wait for it to change.
#[derive(Debug)]
pub struct Health(watch::Sender<Status>);

impl Default for Health {
    fn default() -> Self {
        Health(watch::Sender::new(Status::default()))
    }
}

impl Health {
    /// The state now.
    pub fn status(&self) -> Status {
        *self.0.borrow()
    }

    /// Whether everything works, the application included.
    pub fn is_ready(&self) -> bool {
        let status = self.status();
        status.outbound && status.ready && status.app
    }

    /// Whether the APIs work.
    pub fn is_outbound_ready(&self) -> bool {
        self.status().outbound
    }

    /// Whether the application takes calls.
    pub fn is_app_healthy(&self) -> bool {
        self.status().app
    }

    /// Changes the state; those who watch are told when it is another one.
    pub fn change(&self, change: impl FnOnce(&mut Status)) {
        self.0.send_if_modified(|status| {
            let before = *status;
            change(status);
            *status != before
        });
    }

    /// Waits for changes.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }
}

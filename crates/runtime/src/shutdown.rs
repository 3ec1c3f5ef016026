//! The wish that the process ends, as an API caller has it. The app waits for it beside the signals.

use tokio::sync::watch;

/// How the process shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Go on.
    None,
    /// Begin anew in the same process.
    Restart,
    /// As SIGTERM does.
    Graceful,
    /// The same, with exit status 1.
    Failed,
    /// At once and with exit status 1.
    Forced,
}

/// The wish, and those who wait for it.
#[derive(Debug)]
pub struct Shutdown(watch::Sender<Wish>);

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown(watch::Sender::new(Wish::None))
    }
}

impl Shutdown {
    /// Asks for the end. A forced end wins over a graceful one.
    pub fn request(&self, forced: bool) {
        let wish = if forced {
            tracing::warn!("Force shutdown requested, exiting immediately without graceful shutdown");
            Wish::Forced
        } else {
            tracing::info!("Shutdown requested via API");
            Wish::Graceful
        };
        self.raise(wish);
    }

    /// Asks for the end because the runtime can't go on; the log says why.
    pub fn fail(&self) {
        self.raise(Wish::Failed);
    }

    /// Asks for another beginning in the same process.
    pub fn restart(&self) {
        self.raise(Wish::Restart);
    }

    fn raise(&self, wish: Wish) {
        self.0.send_if_modified(|now| {
            let changes = wish > *now;
            *now = wish.max(*now);
            changes
        });
    }

    /// Waits until the wish is stronger than `known`, and returns it.
    pub async fn wanted(&self, known: Wish) -> Wish {
        let mut watch = self.0.subscribe();
        match watch.wait_for(|wish| *wish > known).await {
            Ok(wish) => *wish,
            Err(_) => Wish::Forced,
        }
    }
}

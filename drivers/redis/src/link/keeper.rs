//! The task that keeps a connection: makes it, waits until it is worn out, makes the next one.

use std::sync::Arc;
use std::time::Duration;

use mecha_component::{Error, Result};
use tokio::sync::{oneshot, watch};

use super::connect;
use super::connection::Connection;
use crate::error;
use crate::options::Options;

/// The pause after the first failed attempt to connect again, doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The generation that is never reached: told to be broken, it ends the keeper.
pub(super) const CLOSED: u64 = u64::MAX;

/// What callers find.
#[derive(Clone)]
pub(super) enum State {
    /// The connection, and the number that tells it from those before it.
    Up(u64, Connection),
    Down(Error),
}

/// The task that keeps the connection.
pub(super) struct Keeper {
    pub(super) options: Arc<Options>,
    pub(super) blocking: Duration,
    pub(super) state: watch::Sender<State>,
    /// The newest generation that was found broken.
    pub(super) reports: watch::Receiver<u64>,
}

impl Keeper {
    /// Answers `first` once it is known whether there is a connection; ends when there is none, or nobody uses it.
    pub(super) async fn run(mut self, first: oneshot::Sender<Result<()>>) {
        let connected = connect::connect(&self.options, self.blocking).await;
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => return drop(first.send(Err(error))),
        };
        let mut generation = 1;
        self.state.send_replace(State::Up(generation, connection));
        // Nobody may wait any more.
        let _ = first.send(Ok(()));
        while self.worn_out(generation).await {
            let mut reports = self.reports.clone();
            let connection = tokio::select! {
                biased;
                _ = reports.wait_for(|broken| *broken == CLOSED) => break,
                connection = self.connect_again() => connection,
            };
            generation += 1;
            self.state.send_replace(State::Up(generation, connection));
        }
        self.state.send_replace(State::Down(error::closed()));
    }

    /// Waits until the connection must be replaced; `false` when nobody uses it any more.
    async fn worn_out(&mut self, generation: u64) -> bool {
        let broken = self.reports.wait_for(|broken| *broken >= generation);
        let broken = match self.options.age {
            Some(age) => match tokio::time::timeout(age, broken).await {
                Ok(broken) => broken.is_ok(),
                // It is old, not broken: it serves until there is another.
                Err(_) => return true,
            },
            None => broken.await.is_ok(),
        };
        if broken && *self.reports.borrow() != CLOSED {
            tracing::warn!("the connection to Redis at {} is lost, connecting again", self.options);
            let error = Error::unavailable(format!("the connection to Redis at {} is lost", self.options));
            self.state.send_replace(State::Down(error));
        }
        broken
    }

    async fn connect_again(&self) -> Connection {
        let mut pause = FIRST_PAUSE;
        loop {
            match connect::connect(&self.options, self.blocking).await {
                Ok(connection) => {
                    tracing::info!("connected to Redis at {} again", self.options);
                    return connection;
                }
                Err(error) => {
                    tracing::debug!("{error}");
                    // One that is only old still serves.
                    self.state.send_if_modified(|state| match state {
                        State::Up(..) => false,
                        State::Down(why) => {
                            *why = error;
                            true
                        }
                    });
                }
            }
            // Shortened at random, so that many processes do not come all at once.
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

//! A connection that is kept up: a task makes it anew, with growing pauses, when a command shows that it is broken. Any
//! number of callers share it, their commands follow each other without waiting for answers, so thousands of requests a
//! second need no second one. While there is none, callers wait as long as their retries allow and then learn why.

mod connect;
mod connection;
mod keeper;

use std::sync::Arc;
use std::time::Duration;

use mecha_component::{Error, Result};
use redis::{Pipeline, Value};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use crate::error;
use crate::options::Options;

use self::keeper::{CLOSED, Keeper, State};

pub(crate) use self::connection::Place;

/// Whether a command that may have been carried out may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Twice is as good as once.
    Harmless,
    /// Only when it was surely not carried out.
    IfNotDone,
    /// The caller tries by itself.
    Never,
}

/// The kept connection. Dropping it ends the task and, with the last command under way, the connection.
pub(crate) struct Link {
    options: Arc<Options>,
    state: watch::Receiver<State>,
    /// The newest generation that was found broken; [`CLOSED`] is after all of them.
    broken: watch::Sender<u64>,
    keeper: AbortHandle,
}

/// A failed attempt.
struct Failed {
    error: Error,
    /// What a retry asks for; [`Retry::Never`] when it makes no sense at all.
    needs: Retry,
}

impl Link {
    /// Connects; the connection and its keeper run on `tasks`. `blocking` is how long commands of this link may block
    /// by themselves before they answer.
    pub(crate) async fn open(options: &Arc<Options>, tasks: &Handle, blocking: Duration) -> Result<Self> {
        let (state, watched) = watch::channel(State::Down(error::closed()));
        let (broken, reports) = watch::channel(0);
        let (first, opened) = oneshot::channel();
        let keeper = Keeper { options: Arc::clone(options), blocking, state, reports };
        let link = Link {
            options: Arc::clone(options),
            state: watched,
            broken,
            keeper: tasks.spawn(keeper.run(first)).abort_handle(),
        };
        opened.await.map_err(|_| Error::unavailable("the runtime is stopping"))??;
        Ok(link)
    }

    /// Where it leads, for messages.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Sends commands that belong to one place; their answers, errors among them ([`Value::ServerError`]).
    pub(crate) async fn send(
        &self,
        commands: &Pipeline,
        place: Place<'_>,
        retry: Retry,
    ) -> Result<Vec<Value>> {
        self.send_blocking(commands, place, retry, Duration::ZERO).await
    }

    /// As [`Link::send`], for commands that block up to `blocking`.
    pub(crate) async fn send_blocking(
        &self,
        commands: &Pipeline,
        place: Place<'_>,
        retry: Retry,
        blocking: Duration,
    ) -> Result<Vec<Value>> {
        let mut attempt = 0;
        loop {
            let failed = match self.attempt(commands, place, blocking).await {
                Ok(answers) => return Ok(answers),
                Err(failed) => failed,
            };
            let allowed = match failed.needs {
                Retry::Harmless => retry == Retry::Harmless,
                Retry::IfNotDone => retry != Retry::Never,
                Retry::Never => false,
            };
            if !allowed || attempt >= self.options.retries {
                return Err(failed.error);
            }
            attempt += 1;
            self.wait(self.options.pause_before(attempt)).await;
        }
    }

    /// Waits until there is a connection.
    pub(crate) async fn up(&self) {
        // An error means that the keeper has ended; the next command says so.
        let _ = self.state.clone().wait_for(|state| matches!(state, State::Up(..))).await;
    }

    /// Lets go of the connection for good.
    pub(crate) fn close(&self) {
        self.broken.send_replace(CLOSED);
    }

    async fn attempt(
        &self,
        commands: &Pipeline,
        place: Place<'_>,
        blocking: Duration,
    ) -> std::result::Result<Vec<Value>, Failed> {
        if *self.broken.borrow() == CLOSED {
            return Err(Failed { error: error::closed(), needs: Retry::Never });
        }
        let state = self.state.borrow().clone();
        let (generation, mut connection) = match state {
            State::Up(generation, connection) => (generation, connection),
            State::Down(error) => return Err(Failed { error, needs: Retry::IfNotDone }),
        };
        let answers = connection.send(commands, place);
        let answers = match self.options.answer {
            Some(limit) => match tokio::time::timeout(limit + blocking, answers).await {
                Ok(answers) => answers,
                Err(_) => {
                    self.report(generation);
                    return Err(Failed { error: error::late(&self.options), needs: Retry::Never });
                }
            },
            None => answers.await,
        };
        let answers = answers.map_err(|error| self.failed(&error, generation))?;
        if let Some(refusal) = refusal(&answers) {
            return Err(self.failed(&refusal, generation));
        }
        Ok(answers)
    }

    fn failed(&self, error: &redis::RedisError, generation: u64) -> Failed {
        let refused = error::refused_as_a_whole(error);
        // A server that lost its place must be left for whoever has it now.
        let misplaced = refused && matches!(error.code(), Some("READONLY" | "MASTERDOWN"));
        let needs = if refused {
            Retry::IfNotDone
        } else if error.is_io_error() || error.is_unrecoverable_error() {
            Retry::Harmless
        } else {
            Retry::Never
        };
        if misplaced || needs == Retry::Harmless {
            self.report(generation);
        }
        Failed { error: error::of(error, &self.options), needs }
    }

    fn report(&self, generation: u64) {
        self.broken.send_if_modified(|newest| {
            let news = *newest < generation;
            if news {
                *newest = generation;
            }
            news
        });
    }

    /// Waits for `pause`, or less when a connection comes up before that.
    async fn wait(&self, pause: Duration) {
        let broken = *self.broken.borrow();
        let anew = |state: &State| matches!(state, State::Up(generation, _) if *generation > broken);
        let mut state = self.state.clone();
        if anew(&state.borrow()) {
            // It is the server that is not ready, not the connection.
            tokio::time::sleep(pause).await;
        } else {
            let _ = tokio::time::timeout(pause, state.wait_for(anew)).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// The error by which a server refused everything that was sent.
fn refusal(answers: &[Value]) -> Option<redis::RedisError> {
    let mut first = None;
    for answer in answers {
        let Value::ServerError(error) = answer else { return None };
        let error = redis::RedisError::from(error.clone());
        if !error::refused_as_a_whole(&error) {
            return None;
        }
        first.get_or_insert(error);
    }
    first
}

//! A request and its response inside the process: two ends that share a bounded buffer each way. The exchange
//! holds the server's end, as it would hold a stream of a connection; whoever calls it holds the client's. The
//! ends may be polled by one task or by two; each wakes the other.

mod client;
mod pipe;
mod server;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use mecha_base::Error;
use parking_lot::Mutex;

use crate::body::Length;
use crate::head::ResponseHead;
use pipe::{End, Pipe};

pub use client::ClientStream;
pub use pipe::{LIMIT, MAX_PIECES};
pub use server::ServerStream;

/// Most informational heads kept for a caller that doesn't take them; later ones are dropped, since they only inform.
const MAX_INTERIM: usize = 8;

/// The two ends of a request whose body has this length.
pub fn pair(length: Length) -> (ClientStream, ServerStream) {
    let shared = Arc::new(Shared::default());
    if length == Length::Empty {
        shared.state.lock().request.finish(End::Complete);
    }
    (ClientStream::new(shared.clone()), ServerStream::new(shared, length))
}

/// What the two ends share. Both are used by one thread at a time as a rule, so the lock is hardly ever contended.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    request: Pipe,
    response: Pipe,
    /// Those that the client has not taken yet.
    heads: VecDeque<(ResponseHead, Length)>,
    /// The server's end waits for the client's to go.
    gone: Option<Waker>,
    /// What the response tells of, when it is of the exchange's own making.
    failure: Option<Error>,
}

impl Shared {
    /// Looks at or changes the state; whom that concerns is woken afterwards, outside the lock.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> (T, Option<Waker>)) -> T {
        let (result, waker) = change(&mut self.state.lock());
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }
}

#[cfg(test)]
mod tests;

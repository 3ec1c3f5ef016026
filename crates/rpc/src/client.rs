//! The client's end: a handle that sends requests, the driver that owns the socket, and one stream for each request with
//! its answer. Requests go out under numbers of the connection's own, and each answer finds its request by that number.
//!
//! The driver is woken once by however many requests were sent since it ran last: they leave by one write. A connection
//! that carries one request at a time can do without waking anybody ([`Driven::InPlace`]).

mod driver;
mod keepalive;
mod slots;
mod state;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_codec::rpc::{self, Limits, Protocol};
use mecha_http::RequestHead;
use mecha_http::http2::Traffic;
use mecha_net::Stream;

use state::State;

pub use driver::Driver;
pub use keepalive::KeepAlive;
pub use stream::ClientStream;

/// How a connection behaves.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// What is spoken.
    pub protocol: Protocol,
    /// How large answers may be.
    pub limits: Limits,
    /// Whether and how a silent host is asked if it is there.
    pub keepalive: Option<KeepAlive>,
    /// A connection without requests for so long ends.
    pub idle: Option<Duration>,
    /// Who polls the driver.
    pub driven: Driven,
}

/// Who polls the driver of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driven {
    /// A task of its own: it is woken for what is sent, and wakes those who wait for what came.
    #[default]
    Apart,
    /// Whoever has the one request that is in flight, each time before that is polled. Nobody is woken: both wait for the
    /// same events in the same task.
    InPlace,
}

impl ClientOptions {
    /// The usual ones for a protocol: limits and keep-alive by default, no idle time, a driver with a task of its own.
    pub fn new(protocol: Protocol) -> Self {
        let keepalive = Some(KeepAlive::default());
        ClientOptions { protocol, limits: Limits::default(), keepalive, idle: None, driven: Driven::Apart }
    }
}

/// Sends requests on one connection. Clones share it; when the last one is dropped, the connection ends with its last
/// answer. It belongs to the thread that made it.
pub struct ClientConnection {
    shared: Arc<Shared>,
}

struct Shared {
    cell: WorkerCell<State>,
    traffic: Arc<Traffic>,
}

impl ClientConnection {
    /// Most requests in flight at once.
    pub const MOST_REQUESTS: usize = slots::MOST;

    /// A connection, and the driver, to be polled on this thread by whom the options say.
    pub fn new(io: Stream, options: ClientOptions) -> (Self, Driver) {
        let state = State::new(&options);
        let shared = Arc::new(Shared { cell: WorkerCell::new(state), traffic: Arc::default() });
        let driver = Driver::new(io, shared.clone(), options);
        (ClientConnection { shared }, driver)
    }

    /// Queues a request, which is its head.
    ///
    /// # Errors
    /// All safe to try elsewhere but for the last: [`Kind::ConnectFailed`] when the connection is over or takes no more
    /// requests; [`Kind::Overflow`] when 65,535 requests are in flight, or the host does not read and as many bytes wait
    /// as one frame may have; [`Kind::BadRequest`] (431) when changed fields don't fit into the frame; [`Kind::Internal`]
    /// for a head that is no request of the connection's protocol.
    pub fn send(&self, head: &RequestHead) -> Result<ClientStream> {
        let mut state = self.shared.cell.borrow().ok_or_else(wrong_thread)?;
        let frame = head.rpc.as_ref().filter(|frame| {
            matches!(frame.kind, rpc::Kind::Request | rpc::Kind::OneWay)
                && state.protocol.carries(frame.protocol)
        });
        let Some(frame) = frame else {
            return Err(Error::local(Kind::Internal, "not a request of the connection's protocol"));
        };
        if !state.is_open() {
            return Err(safe(Kind::ConnectFailed, "the connection takes no more requests"));
        }
        if state.is_choked() {
            return Err(safe(Kind::Overflow, "the host does not read its requests"));
        }
        let Some(id) = state.begin() else {
            return Err(safe(Kind::Overflow, "too many requests on one connection"));
        };
        let start = state.sending.position();
        if let Err(error) = state.sending.forward(frame, u64::from(id), &head.headers) {
            state.end(id);
            return Err(Error::local(Kind::BadRequest(431), error.reason));
        }
        let one_way = frame.kind == rpc::Kind::OneWay;
        let end = state.sending.position();
        if one_way {
            state.note_one_way(end, id);
        }
        state.wake_driver();
        drop(state);
        Ok(ClientStream::new(self.shared.clone(), id, start..end, one_way))
    }

    /// Whether requests may be sent: the connection stands, and neither the host nor we want it to end.
    pub fn is_open(&self) -> bool {
        self.shared.cell.borrow().is_some_and(|state| state.is_open())
    }

    /// Whether little enough waits to be written that another request should be sent here.
    pub fn has_room(&self) -> bool {
        self.shared.cell.borrow().is_some_and(|state| !state.sending.is_full())
    }

    /// Requests that have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.shared.cell.borrow().map_or(0, |state| state.slots.in_flight())
    }

    /// Answers that nobody waited for: late ones, doubled ones, made-up ones. They were dropped.
    pub fn strays(&self) -> u64 {
        self.shared.cell.borrow().map_or(0, |state| state.strays)
    }

    /// Bytes that the connection moved.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.shared.traffic
    }

    /// Takes no more requests; the connection ends when those in flight have.
    pub fn close(&self) {
        if let Some(mut state) = self.shared.cell.borrow() {
            state.leave();
        }
    }
}

impl Clone for ClientConnection {
    fn clone(&self) -> Self {
        if let Some(mut state) = self.shared.cell.borrow() {
            state.handles += 1;
        }
        ClientConnection { shared: self.shared.clone() }
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        if let Some(mut state) = self.shared.cell.borrow() {
            state.handles = state.handles.saturating_sub(1);
            if state.handles == 0 {
                state.leave();
            }
        }
    }
}

fn safe(kind: Kind, context: &'static str) -> Error {
    Error::upstream(kind, context).retry_when(RetrySafety::Safe)
}

fn wrong_thread() -> Error {
    Error::local(Kind::Internal, "an RPC connection was used outside of its worker")
}

#[cfg(test)]
mod tests;

//! The owner of the socket: writes what was queued since it ran last, hands out what came, keeps the connection alive and
//! ends it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::timer::LazyTimer;
use mecha_base::{Kind, Result};
use mecha_http::http2::Traffic;
use mecha_net::Stream;
use tokio::time::Instant;

use super::keepalive::{Due, Pulse};
use super::state::{Loss, Phase, State};
use super::{ClientOptions, Shared, wrong_thread};
use crate::reader::{Broken, Reader};

/// The place in the numbers of requests that no request has (see `slots`).
const HEARTBEAT: u64 = 0xffff;

/// Moves a connection's bytes; ready when it is over. To be spawned on the connection's thread. Dropped before, the
/// connection is cut.
///
/// # Errors
/// [`Kind::UpstreamReset`] when the connection was lost while requests were in flight or a frame was on its way, or the
/// host stopped answering heartbeats; [`Kind::UpstreamProtocol`] when what came is no frame.
pub struct Driver {
    shared: Arc<Shared>,
    wire: Wire,
}

struct Wire {
    io: Stream,
    reader: Reader,
    pulse: Option<Pulse>,
    idle: Option<Duration>,
    /// When the last request was sent or answered, as far as the driver saw.
    active: Instant,
    /// Requests and frames at that time.
    seen: (u64, usize),
    timer: LazyTimer,
}

impl Driver {
    pub(super) fn new(io: Stream, shared: Arc<Shared>, options: ClientOptions) -> Self {
        let now = Instant::now();
        // Not every protocol has heartbeats; the first one shows.
        let wire = Wire {
            io,
            reader: Reader::new(options.protocol, options.limits, BytesMut::new()),
            pulse: options.keepalive.map(|keepalive| Pulse::new(keepalive, now)),
            idle: options.idle,
            active: now,
            seen: (0, 0),
            timer: LazyTimer::new(),
        };
        Driver { shared, wire }
    }
}

impl Future for Driver {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Driver { shared, wire } = self.get_mut();
        let Some(mut state) = shared.cell.borrow() else { return Poll::Ready(Err(wrong_thread())) };
        let busy = state.slots.in_flight() > 0;
        let ended = wire.poll(cx, &mut state, &shared.traffic);
        match ended {
            Poll::Pending => {
                state.driver = Some(cx.waker().clone());
                Poll::Pending
            }
            Poll::Ready(Ok(())) => {
                state.lose(CLOSED);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(loss)) => {
                let orderly = loss.is_end() && !busy;
                state.lose(loss);
                Poll::Ready(if orderly { Ok(()) } else { Err(loss.error()) })
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(mut state) = self.shared.cell.borrow() {
            state.lose(Loss {
                kind: Kind::UpstreamReset,
                context: "the connection was cut here",
                cause: None,
            });
        }
    }
}

const CLOSED: Loss = Loss { kind: Kind::UpstreamReset, context: "closed before the answer", cause: None };

impl Loss {
    /// Whether the host has closed between frames.
    fn is_end(&self) -> bool {
        self.kind == CLOSED.kind && self.context == CLOSED.context
    }
}

impl From<Broken> for Loss {
    fn from(broken: Broken) -> Self {
        let (kind, context, cause) = match broken {
            Broken::Io(error) => (Kind::UpstreamReset, "reading an answer", Some(error.kind())),
            Broken::Cut => (Kind::UpstreamReset, "closed inside an answer", None),
            Broken::Frame(error) => (Kind::UpstreamProtocol, error.reason, None),
        };
        Loss { kind, context, cause }
    }
}

impl Wire {
    /// Ready when the connection is over; in order when we ended it.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut State,
        traffic: &Traffic,
    ) -> Poll<std::result::Result<(), Loss>> {
        let (read, written) = (self.reader.read, state.sending.written);
        let outcome = self.poll_step(cx, state);
        traffic.add_read((self.reader.read - read) as usize);
        traffic.add_written((state.sending.written - written) as usize);
        outcome
    }

    fn poll_step(&mut self, cx: &mut Context<'_>, state: &mut State) -> Poll<std::result::Result<(), Loss>> {
        let before = self.reader.read;
        // What came is handed out before a failure to write is found.
        while let Poll::Ready(frame) = self.reader.poll_frame(cx, &mut self.io) {
            match frame? {
                Some(frame) => state.take(frame),
                None => return Poll::Ready(Err(CLOSED)),
            }
        }
        self.note_time(state, self.reader.read > before);
        ready!(self.poll_time(cx, state))?;
        let flushed = state.sending.poll_flush(cx, &mut self.io);
        state.wake_one_ways();
        ready!(flushed).map_err(|error| lost("sending a request", &error))?;
        if state.slots.in_flight() == 0 {
            state.sending.release();
            if matches!(state.phase, Phase::Leaving) {
                let _ = ready!(self.io.poll_shutdown_write(cx));
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    fn note_time(&mut self, state: &State, heard: bool) {
        let seen = (state.requests, state.slots.in_flight());
        let moved = seen != self.seen;
        if !moved && !heard {
            return;
        }
        let now = Instant::now();
        if let Some(pulse) = self.pulse.as_mut().filter(|_| heard) {
            pulse.heard(now);
        }
        if moved {
            (self.active, self.seen) = (now, seen);
        }
    }

    /// Does what is due; ready when that ends the connection.
    fn poll_time(&mut self, cx: &mut Context<'_>, state: &mut State) -> Poll<std::result::Result<(), Loss>> {
        loop {
            let idle = self.idle.filter(|_| state.slots.in_flight() == 0).map(|idle| self.active + idle);
            let pulse = self.pulse.as_ref().map(Pulse::deadline);
            self.timer.set(idle.into_iter().chain(pulse).min());
            ready!(self.timer.poll_expired(cx));
            let now = Instant::now();
            if idle.is_some_and(|idle| now >= idle) {
                state.leave();
                return Poll::Ready(Ok(()));
            }
            match self.pulse.as_mut().map_or(Due::Nothing, |pulse| pulse.due(now)) {
                Due::Nothing => {}
                Due::Heartbeat => {
                    if !state.protocol.codec().heartbeat(HEARTBEAT, state.sending.tail()) {
                        self.pulse = None;
                    }
                }
                Due::GiveUp => {
                    let context = "the host answers no heartbeats";
                    return Poll::Ready(Err(Loss { kind: Kind::UpstreamReset, context, cause: None }));
                }
            }
        }
    }
}

fn lost(context: &'static str, error: &io::Error) -> Loss {
    Loss { kind: Kind::UpstreamReset, context, cause: Some(error.kind()) }
}

//! The owner of the socket: writes what was queued since it ran last, hands out what came, keeps the connection alive and
//! ends it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::timer::LazyTimer;
use mecha_base::{Kind, Result};
use mecha_http::http2::Traffic;
use mecha_net::Stream;
use tokio::time::Instant;

use super::keepalive::{Due, Pulse};
use super::state::{Loss, Phase, State};
use super::{ClientOptions, Driven, Shared, wrong_thread};
use crate::reader::{Broken, Reader};

/// The place in the numbers of requests that no request has (see `slots`).
const HEARTBEAT: u64 = 0xffff;

/// A connection that is lost so long after the last request was sent was not closed before that came.
const RACE: Duration = Duration::from_secs(1);

/// Why a silent host is given up.
const SILENT: &str = "the host answers no heartbeats";

/// Moves a connection's bytes; ready when it is over. To be polled on the connection's thread, as [`Driven`] says. Dropped
/// before, it cuts the connection. Its error is [`Kind::UpstreamReset`] when the connection was lost while requests waited or a frame was
/// on its way, or the host stopped answering heartbeats, and [`Kind::UpstreamProtocol`] when what came is no frame.
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
    /// How many there were at that time.
    seen: (u64, u64),
    timer: LazyTimer,
}

impl Driver {
    pub(super) fn new(io: Stream, shared: Arc<Shared>, options: ClientOptions) -> Self {
        let now = Instant::now();
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

    /// Gives buffers back that only a request in flight needs.
    pub fn release(&mut self) {
        self.wire.reader.release();
        if let Some(mut state) = self.shared.cell.borrow() {
            state.sending.release_output();
        }
    }

    /// Whether there may be something to read.
    pub fn has_news(&self) -> bool {
        let nobody = &mut Context::from_waker(Waker::noop());
        self.wire.io.poll_readable(nobody).is_ready()
    }

    /// Whether the host has asked for no more requests.
    pub fn has_host_left(&self) -> bool {
        self.shared.cell.borrow().is_some_and(|state| state.host_left)
    }
}

impl Future for Driver {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Driver { shared, wire } = self.get_mut();
        let Some(mut state) = shared.cell.borrow() else { return Poll::Ready(Err(wrong_thread())) };
        let ended = wire.poll(cx, &mut state, &shared.traffic);
        let loss = match ended {
            Poll::Pending => {
                if state.driven == Driven::Apart
                    && !state.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
                {
                    state.driver = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            Poll::Ready(Ok(())) => CLOSED,
            Poll::Ready(Err(loss)) => loss,
        };
        if wire.active.elapsed() >= RACE {
            state.is_no_race();
        }
        let orderly = loss == CLOSED && !state.slots.is_awaited();
        state.lose(loss);
        Poll::Ready(if orderly { Ok(()) } else { Err(loss.error()) })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(mut state) = self.shared.cell.borrow() {
            state.lose(Loss::new(Kind::UpstreamReset, "the connection was given up"));
        }
    }
}

/// Closed between frames, by either end.
const CLOSED: Loss = Loss::new(Kind::UpstreamReset, "closed before the answer");

impl From<Broken> for Loss {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Io(error) => lost("reading an answer", &error),
            Broken::Cut => Loss::new(Kind::UpstreamReset, "closed inside an answer"),
            Broken::Frame(error) => Loss::new(Kind::UpstreamProtocol, error.reason),
        }
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
        if let Poll::Ready(ended) = self.poll_time(cx, state) {
            return Poll::Ready(ended);
        }
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
        let seen = (state.requests, state.answers);
        let moved = seen != self.seen;
        if !moved && !heard {
            return;
        }
        let now = Instant::now();
        if heard && let Some(pulse) = &mut self.pulse {
            pulse.heard(now);
        }
        if moved {
            (self.active, self.seen) = (now, seen);
        }
    }

    /// Does what is due now, and sees to being woken for what is due next; ready when that ends the connection.
    fn poll_time(&mut self, cx: &mut Context<'_>, state: &mut State) -> Poll<std::result::Result<(), Loss>> {
        loop {
            let idle = self.idle.map(|idle| self.active + idle);
            let pulse = self.pulse.as_ref().map(Pulse::deadline);
            self.timer.set(idle.into_iter().chain(pulse).min());
            ready!(self.timer.poll_expired(cx));
            let now = Instant::now();
            if idle.is_some_and(|idle| now >= idle) {
                // Streams that end don't wake the driver: it looks when the time is over.
                if state.slots.in_flight() == 0 {
                    return Poll::Ready(Ok(()));
                }
                self.active = now;
            }
            match self.pulse.as_mut().map_or(Due::Nothing, |pulse| pulse.due(now)) {
                Due::Nothing => {}
                Due::Heartbeat => {
                    // Not every protocol has one.
                    if !state.protocol.codec().heartbeat(HEARTBEAT, state.sending.tail()) {
                        self.pulse = None;
                    }
                }
                Due::GiveUp => {
                    return Poll::Ready(Err(Loss::new(Kind::UpstreamReset, SILENT)));
                }
            }
        }
    }
}

fn lost(context: &'static str, error: &io::Error) -> Loss {
    Loss { cause: Some(error.kind()), ..Loss::new(Kind::UpstreamReset, context) }
}

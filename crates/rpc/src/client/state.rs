//! What the handles, the streams and the driver of a connection share.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::task::Waker;

use mecha_base::{Error, Kind, RetrySafety};
use mecha_codec::rpc::{self, Protocol};
use mecha_http::headers::give_list;

use super::slots::Slots;
use super::{ClientOptions, Driven};
use crate::reader::Frame;
use crate::sending::Sending;

pub(super) struct State {
    pub(super) protocol: Protocol,
    pub(super) driven: Driven,
    pub(super) sending: Sending,
    pub(super) slots: Slots,
    pub(super) phase: Phase,
    /// The host has asked for no more requests.
    pub(super) host_left: bool,
    /// Answers that nobody waited for.
    pub(super) strays: u64,
    /// Requests sent, ever.
    pub(super) requests: u64,
    /// Answers that somebody waited for, ever.
    pub(super) answers: u64,
    pub(super) handles: usize,
    /// The driver, while it waits and was not woken.
    pub(super) driver: Option<Waker>,
    /// Where requests without an answer end in all that is written, with their numbers.
    one_ways: VecDeque<(u64, u32)>,
    /// Frames that came, ever.
    heard: u64,
    /// `heard` when the connection had no request last, and whether it had carried one before.
    quiet: (u64, bool),
    most_waiting: usize,
}

pub(super) enum Phase {
    Open,
    /// No more requests; it ends when those in flight have.
    Leaving,
    Over(Loss),
}

/// Why a connection is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) kind: Kind,
    pub(super) context: &'static str,
    pub(super) cause: Option<io::ErrorKind>,
}

impl Loss {
    pub(super) const fn new(kind: Kind, context: &'static str) -> Self {
        Loss { kind, context, cause: None }
    }

    pub(super) fn error(&self) -> Error {
        let error = Error::upstream(self.kind, self.context);
        match self.cause {
            Some(cause) => error.because(io::Error::from(cause)),
            None => error,
        }
    }
}

impl State {
    pub(super) fn new(options: &ClientOptions) -> Self {
        State {
            protocol: options.protocol,
            driven: options.driven,
            sending: Sending::default(),
            slots: Slots::default(),
            phase: Phase::Open,
            host_left: false,
            strays: 0,
            requests: 0,
            answers: 0,
            handles: 1,
            driver: None,
            one_ways: VecDeque::new(),
            heard: 0,
            quiet: (0, false),
            most_waiting: options.limits.frame,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether the host has left so much unread that nothing is added to it.
    pub(super) fn is_choked(&self) -> bool {
        self.sending.len() >= self.most_waiting
    }

    /// A number for a request.
    pub(super) fn begin(&mut self) -> Option<u32> {
        if self.slots.in_flight() == 0 {
            self.quiet = (self.heard, self.requests > 0);
        }
        let id = self.slots.take()?;
        self.requests += 1;
        Some(id)
    }

    /// A request has its answer, or nobody waits for it any more.
    pub(super) fn end(&mut self, id: u32) {
        self.slots.free(id);
        if self.slots.in_flight() == 0 && !self.is_open() {
            self.wake_driver();
        }
    }

    /// A request without an answer was queued up to this position.
    pub(super) fn note_one_way(&mut self, end: u64, id: u32) {
        self.one_ways.push_back((end, id));
    }

    /// Tells those whose requests without an answer were written.
    pub(super) fn wake_one_ways(&mut self) {
        while let Some((end, id)) = self.one_ways.front().copied()
            && end <= self.sending.written
        {
            self.one_ways.pop_front();
            if let Some(waker) = self.slots.find(u64::from(id)).and_then(|slot| slot.waker.take()) {
                waker.wake();
            }
        }
    }

    pub(super) fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// No more requests.
    pub(super) fn leave(&mut self) {
        if self.is_open() {
            self.phase = Phase::Leaving;
            self.wake_driver();
        }
    }

    /// A frame came.
    pub(super) fn take(&mut self, (mut envelope, fields): Frame) {
        self.heard += 1;
        envelope.protocol.codec().received_from_server(&mut envelope);
        match envelope.kind {
            rpc::Kind::Response => match self.slots.find(envelope.id) {
                Some(slot) if slot.answer.is_none() => {
                    self.answers += 1;
                    return slot.give((envelope, fields));
                }
                _ => self.strays += 1,
            },
            rpc::Kind::GoAway => {
                self.host_left = true;
                self.leave();
            }
            rpc::Kind::HeartbeatAck | rpc::Kind::OneWay => {}
            // A host that asks and does not read is not answered.
            _ if self.sending.is_full() => {}
            rpc::Kind::Heartbeat => {
                envelope.protocol.codec().heartbeat_ack(&envelope, self.sending.tail());
            }
            rpc::Kind::Request => {
                let codec = envelope.protocol.codec();
                codec.reply(&envelope, 404, "this end serves no requests", self.sending.tail());
            }
        }
        give_list(fields);
    }

    /// The connection is over: what is queued will not be written, and no answer will come.
    pub(super) fn lose(&mut self, loss: Loss) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(loss);
            self.sending.abandon();
            self.one_ways.clear();
            self.slots.wake_all();
        }
    }

    /// Whatever was sent before the connection is lost now, the host had the time to act upon it.
    pub(super) fn is_no_race(&mut self) {
        self.quiet.1 = false;
    }

    /// Why a request that stands in this range of all that is written got no answer, once the connection is over. What
    /// was not written at all was not acted upon. A host that has not said a word since the connection had no requests
    /// has very likely closed it before they came, when they were sent just now.
    pub(super) fn failure(&self, place: &Range<u64>) -> Option<Error> {
        let Phase::Over(loss) = &self.phase else { return None };
        let retry = if place.start >= self.sending.written {
            RetrySafety::Safe
        } else if loss.kind == Kind::UpstreamReset && self.quiet == (self.heard, true) {
            RetrySafety::ReusedOnly
        } else {
            RetrySafety::Policy
        };
        Some(loss.error().retry_when(retry))
    }
}

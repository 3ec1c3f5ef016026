//! The request's body on its way: what was received, what is kept for a retry, what is still to be sent.

use std::collections::VecDeque;

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};
use mecha_http::{Frame, Length};
use mecha_resilience::Replay;

pub(super) struct Body {
    length: Length,
    most: Option<u64>,
    received: u64,
    replay: Option<Box<Replay>>,
    again: VecDeque<Frame>,
    /// Whether a retry is possible at all: whether frames are kept.
    pub(super) keep: bool,
    /// Whether the client has sent all of it.
    pub(super) source_ended: bool,
    /// Whether the upstream was given all of it.
    pub(super) given: bool,
    /// Whether all of it has left.
    pub(super) sent: bool,
}

impl Body {
    pub(super) fn new(length: Length, most: Option<u64>) -> Self {
        // A tunnel has nothing to send before the upstream agrees to it.
        let none = matches!(length, Length::Empty | Length::Tunnel);
        Body {
            length,
            most,
            received: 0,
            replay: None,
            again: VecDeque::new(),
            keep: false,
            source_ended: none,
            given: none,
            sent: false,
        }
    }

    /// The payload of a message that came whole, of so many bytes: there is nothing to move.
    pub(super) fn message(bytes: u32) -> Self {
        Body { received: u64::from(bytes), ..Body::new(Length::Empty, None) }
    }

    /// A body that is here whole, in place of whatever the client sent.
    pub(super) fn replace(&mut self, data: Bytes) {
        let received = self.received;
        *self = Body::new(Length::Empty, None);
        if !data.is_empty() {
            let mut replay = Replay::new(data.len());
            (self.length, self.keep, self.given) = (Length::Known(data.len() as u64), true, false);
            let frame = Frame::Data(data);
            replay.record(&frame);
            self.replay = Some(Box::new(replay));
            self.again.push_back(frame);
        }
        self.received = received;
    }

    /// Whether nothing of it moves on its own: it is empty, or the head holds it.
    pub(super) fn is_empty(&self) -> bool {
        self.length == Length::Empty
    }

    /// Bytes received from the client.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Refuses a body whose announced length is too much.
    pub(super) fn check_length(&self) -> Result<()> {
        match (self.length, self.most) {
            (Length::Known(length), Some(most)) if length > most => Err(too_large()),
            _ => Ok(()),
        }
    }

    /// A frame that came from the client.
    pub(super) fn take_in(&mut self, frame: &Frame) -> Result<()> {
        if let Frame::Data(data) = frame {
            self.received += data.len() as u64;
            if self.length != Length::Tunnel && self.most.is_some_and(|most| self.received > most) {
                return Err(too_large());
            }
        }
        if self.keep {
            self.replay.get_or_insert_default().record(frame);
        }
        Ok(())
    }

    /// A frame to send again, before the client's next.
    pub(super) fn next_again(&mut self) -> Option<Frame> {
        self.again.pop_front()
    }

    /// Whether nothing is left to send again.
    pub(super) fn is_caught_up(&self) -> bool {
        self.again.is_empty()
    }

    /// Begins anew for another try; `false` when what was sent already was not kept.
    pub(super) fn rewind(&mut self) -> bool {
        let none = matches!(self.length, Length::Empty | Length::Tunnel);
        match &mut self.replay {
            Some(replay) if self.keep => match replay.replay() {
                Some(frames) => self.again = frames.collect(),
                None => return false,
            },
            _ if !none && self.received > 0 => return false,
            _ => {}
        }
        self.given = none;
        self.sent = false;
        true
    }

    /// Both directions are a tunnel from now on.
    pub(super) fn become_tunnel(&mut self) {
        self.length = Length::Tunnel;
        self.keep = false;
        self.source_ended = false;
        self.given = false;
        self.sent = false;
    }

    /// No retry will follow: what was kept can go.
    pub(super) fn settle(&mut self) {
        if self.keep {
            self.keep = false;
            self.replay = None;
        }
    }
}

fn too_large() -> Error {
    Error::downstream(Kind::BadRequest(413), "the request body is larger than this listener allows")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &'static str) -> Frame {
        Frame::Data(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn what_was_kept_is_sent_again_first() {
        let mut body = Body::new(Length::Known(4), None);
        body.keep = true;
        body.take_in(&data("ab")).unwrap();
        assert!(body.rewind());
        assert!(matches!(body.next_again(), Some(Frame::Data(bytes)) if bytes == "ab"));
        assert!(body.is_caught_up());
    }

    #[test]
    fn a_body_that_was_not_kept_is_not_sent_again() {
        let mut body = Body::new(Length::Unknown, None);
        assert!(body.rewind());
        body.take_in(&data("ab")).unwrap();
        assert!(!body.rewind());
    }

    #[test]
    fn a_body_is_measured_while_it_comes() {
        assert!(Body::new(Length::Known(5), Some(4)).check_length().is_err());
        let mut body = Body::new(Length::Unknown, Some(3));
        body.take_in(&data("ab")).unwrap();
        assert_eq!(body.take_in(&data("cd")).unwrap_err().kind(), Kind::BadRequest(413));
    }
}

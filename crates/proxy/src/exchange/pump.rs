//! Moving bytes between the two ends, both ways at once, at the pace of the slower one.

use std::future::poll_fn;
use std::task::{Context, Poll};

use mecha_base::{Error, Kind, Result};
use mecha_http::{Frame, Length, ResponseHead};
use mecha_resilience::Timeouts;
use tokio::time::Instant;

use super::Exchange;
use super::upstream::Upstream;

impl Exchange<'_> {
    /// Sends the request and waits for the head of the response; informational heads pass on at once.
    pub(super) async fn await_head(
        &mut self,
        up: &mut Upstream,
        timeouts: &Timeouts,
    ) -> Result<(ResponseHead, Length)> {
        if self.body.given {
            // The head is all of it. A host that does not even read it is waited for no longer than one that is silent.
            self.clock.awaiting(self.flight.try_start(), timeouts);
        } else {
            self.clock.receiving(Instant::now());
        }
        poll_fn(|cx| self.poll_head(cx, up, timeouts)).await
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Upstream,
        timeouts: &Timeouts,
    ) -> Poll<Result<(ResponseHead, Length)>> {
        loop {
            if !self.body.sent {
                let mut moved = false;
                match self.poll_request(cx, up, &mut moved) {
                    Poll::Ready(Ok(())) => self.request_sent(timeouts),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if moved => self.clock.receiving(Instant::now()),
                    Poll::Pending => {}
                }
            }
            match up.poll_head(cx) {
                Poll::Ready(Ok((head, _))) if head.is_interim() => {
                    self.down.send_informational(head);
                    continue;
                }
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(error)) = self.down.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            if self.body.source_ended
                && let Poll::Ready(gone) = self.down.poll_gone(cx, "before the response")
            {
                return Poll::Ready(Err(gone));
            }
            return match self.clock.poll_expired(cx) {
                // A client that waits for the upstream to read on is not to blame.
                Poll::Ready(Kind::SlowClient) if !up.has_room() || self.body.source_ended => Poll::Ready(
                    Err(Error::upstream(Kind::StreamIdle, "the upstream does not read the request")),
                ),
                Poll::Ready(Kind::SlowClient) => {
                    Poll::Ready(Err(Error::downstream(Kind::SlowClient, "the body stood still for too long")))
                }
                Poll::Ready(kind) => Poll::Ready(Err(Error::upstream(kind, "no response head in time"))),
                Poll::Pending => Poll::Pending,
            };
        }
    }

    fn request_sent(&mut self, timeouts: &Timeouts) {
        self.body.sent = true;
        // A request without a body is sent as soon as it begins; that spares a look at the clock.
        let now = if self.body.is_empty() || self.body.received() == 0 {
            self.flight.try_start()
        } else {
            Instant::now()
        };
        self.flight.request_received(now);
        self.clock.awaiting(now, timeouts);
    }

    /// Moves what there is of the request's body; ready when the upstream has all of it.
    fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Upstream,
        moved: &mut bool,
    ) -> Poll<Result<()>> {
        loop {
            // What there is leaves together: a small body by the same write as its head.
            if self.body.given {
                return up.poll_flush(cx).map(Ok);
            }
            if !up.has_room() {
                let _ = up.poll_flush(cx);
                if !up.has_room() {
                    return Poll::Pending;
                }
            }
            let again = self.body.next_again();
            let frame = match again {
                Some(frame) => Some(frame),
                None if self.body.source_ended => None,
                None => match self.down.poll_recv(cx) {
                    Poll::Ready(Ok(frame)) => {
                        *moved = true;
                        match &frame {
                            Some(frame) => self.body.take_in(frame)?,
                            None => self.body.source_ended = true,
                        }
                        frame
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        let _ = up.poll_flush(cx);
                        return Poll::Pending;
                    }
                },
            };
            match frame {
                Some(Frame::Data(data)) => {
                    let last = self.body.is_caught_up() && self.down.is_received();
                    self.body.source_ended |= last;
                    self.body.given = last;
                    up.send_data(data, last)?;
                }
                Some(Frame::Trailers(trailers)) => {
                    self.body.source_ended = true;
                    self.body.given = true;
                    up.send_end(Some(trailers))?;
                }
                None => {
                    self.body.given = true;
                    up.send_end(None)?;
                }
            }
        }
    }

    /// Moves the response's body, and what is left of the request's, until the response has been sent.
    pub(super) async fn stream(&mut self, up: &mut Upstream, length: Length) -> Result<()> {
        let tunnel = length == Length::Tunnel;
        if tunnel {
            self.body.become_tunnel();
        }
        let mut state = Streaming { tunnel, ended: length == Length::Empty, begun: false };
        poll_fn(|cx| self.poll_stream(cx, up, &mut state)).await
    }

    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Upstream,
        state: &mut Streaming,
    ) -> Poll<Result<()>> {
        let mut moved = !state.begun;
        if !self.body.sent
            && let Poll::Ready(sent) = self.poll_request(cx, up, &mut moved)
        {
            sent?;
            if !state.tunnel || up.poll_shutdown(cx).is_ready() {
                self.body.sent = true;
            }
        }
        self.poll_response(cx, up, state, &mut moved)?;
        let flushed = self.down.poll_flush(cx)?;
        if state.ended && flushed.is_ready() {
            let finished = !state.tunnel || (self.down.poll_shutdown(cx).is_ready() && self.body.sent);
            if finished {
                return Poll::Ready(Ok(()));
            }
        }
        if self.body.source_ended
            && !state.tunnel
            && let Poll::Ready(gone) = self.down.poll_gone(cx, "during the response")
        {
            return Poll::Ready(Err(gone));
        }
        if moved {
            if state.begun {
                // A long transfer shows in the counters while it runs; a short one is counted at its end.
                up.count_traffic();
                self.door.traffic(self.down.take_traffic());
            }
            state.begun = true;
            self.clock.streaming(Instant::now(), state.tunnel);
        }
        self.clock.poll_expired(cx).map(|kind| Err(Error::upstream(kind, "the response came to a stop")))
    }

    /// Moves what there is of the response's body as far as the client has room for it.
    fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Upstream,
        state: &mut Streaming,
        moved: &mut bool,
    ) -> Result<()> {
        while !state.ended {
            if !self.down.has_room() && self.down.poll_flush(cx)?.is_pending() {
                return Ok(());
            }
            match up.poll_recv(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(frame) => match frame? {
                    Some(Frame::Data(data)) => {
                        *moved = true;
                        self.flight.sent += data.len() as u64;
                        let last = up.is_received();
                        state.ended = last;
                        self.down.send_data(data, last)?;
                    }
                    Some(Frame::Trailers(trailers)) => {
                        state.ended = true;
                        self.flight.response_fields(&trailers);
                        self.down.send_end(Some(trailers))?;
                    }
                    None => {
                        state.ended = true;
                        self.down.send_end(None)?;
                    }
                },
            }
        }
        Ok(())
    }
}

/// How far a response has come.
struct Streaming {
    tunnel: bool,
    ended: bool,
    begun: bool,
}

//! A request's body, kept as it passes so that a retry can send it again. Only so much is kept as a limit allows;
//! past it the request can't be retried any more and nothing is kept.

use bytes::{Bytes, BytesMut};
use mecha_http::Headers;
use mecha_http::body::Frame;

/// Bytes of body that are kept at the most, unless the configuration says otherwise.
pub const DEFAULT_LIMIT: usize = 64 << 10;

/// Frames shorter than this are copied together: kept as they are, each could hold a whole read buffer alive.
const SHORT: usize = 1 << 10;

/// What was kept of one request's body.
#[derive(Debug)]
pub struct Replay {
    whole: Vec<Bytes>,
    tail: BytesMut,
    trailers: Option<Headers>,
    kept: usize,
    limit: usize,
    overflowed: bool,
}

impl Default for Replay {
    fn default() -> Self {
        Replay::new(DEFAULT_LIMIT)
    }
}

impl Replay {
    /// Keeps up to `limit` bytes; with 0, only a request without a body can be replayed. Allocates nothing yet.
    pub fn new(limit: usize) -> Self {
        Replay { whole: Vec::new(), tail: BytesMut::new(), trailers: None, kept: 0, limit, overflowed: false }
    }

    /// Keeps a frame that is about to be sent. Past the limit everything is let go.
    pub fn record(&mut self, frame: &Frame) {
        if self.overflowed {
            return;
        }
        match frame {
            Frame::Data(bytes) => self.data(bytes),
            Frame::Trailers(trailers) => self.trailers = Some(trailers.clone()),
        }
    }

    /// Whether more passed than could be kept: a retry is impossible.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Bytes of body that are kept.
    pub fn len(&self) -> usize {
        self.kept
    }

    /// Whether there is nothing to send again; a body that overflowed counts as empty too.
    pub fn is_empty(&self) -> bool {
        self.kept == 0 && self.trailers.is_none()
    }

    /// The frames that passed so far, to be sent again before the rest of the body; `None` after an overflow. They are
    /// still kept: a second retry gives them again.
    pub fn replay(&mut self) -> Option<impl Iterator<Item = Frame> + Send + use<>> {
        if self.overflowed {
            return None;
        }
        self.close_tail();
        let data: Vec<Frame> = self.whole.iter().cloned().map(Frame::Data).collect();
        Some(data.into_iter().chain(self.trailers.clone().map(Frame::Trailers)))
    }

    /// Lets go of what is kept: no retry will follow, for example because the response has begun.
    pub fn discard(&mut self) {
        self.overflowed = true;
        self.whole = Vec::new();
        self.tail = BytesMut::new();
        self.trailers = None;
        self.kept = 0;
    }

    fn data(&mut self, bytes: &Bytes) {
        if bytes.len() > self.limit - self.kept {
            self.discard();
            return;
        }
        self.kept += bytes.len();
        if bytes.len() < SHORT {
            self.tail.extend_from_slice(bytes);
        } else {
            self.close_tail();
            self.whole.push(bytes.clone());
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.whole.push(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: &[u8]) -> Frame {
        Frame::Data(Bytes::copy_from_slice(bytes))
    }

    /// The body that a retry would send; trailers as `[name=value]`.
    fn sent(replay: &mut Replay) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for frame in replay.replay()? {
            match frame {
                Frame::Data(bytes) => {
                    assert!(!bytes.is_empty());
                    out.extend_from_slice(&bytes);
                }
                Frame::Trailers(headers) => {
                    for (name, value) in headers.iter() {
                        out.extend_from_slice(&[b"[", name, b"=", value, b"]"].concat());
                    }
                }
            }
        }
        Some(out)
    }

    #[test]
    fn what_passed_is_sent_again_in_order_as_often_as_needed() {
        let mut replay = Replay::default();
        assert_eq!(sent(&mut replay).unwrap(), b"");
        replay.record(&data(b"one "));
        replay.record(&data(b"two "));
        assert_eq!(sent(&mut replay).unwrap(), b"one two ");
        let long = vec![b'x'; 4096];
        replay.record(&data(&long));
        replay.record(&data(b" end"));
        let mut trailers = Headers::new();
        trailers.append("a", b"b").unwrap();
        replay.record(&Frame::Trailers(trailers));
        let all = [b"one two ", &long[..], b" end[a=b]"].concat();
        assert_eq!(sent(&mut replay).unwrap(), all);
        assert_eq!(sent(&mut replay).unwrap(), all);
        assert_eq!(replay.len(), 12 + 4096);
    }

    #[test]
    fn a_body_of_exactly_the_limit_is_kept_and_one_byte_more_is_not() {
        let mut replay = Replay::new(8);
        replay.record(&data(b"12345678"));
        assert!(!replay.overflowed());
        assert_eq!(sent(&mut replay).unwrap(), b"12345678");
        replay.record(&data(b"9"));
        assert!(replay.overflowed());
        assert!(sent(&mut replay).is_none());
        replay.record(&data(b"a"));
        assert_eq!(replay.len(), 0, "nothing is kept any more");
    }

    #[test]
    fn long_frames_are_shared_and_short_ones_hold_no_read_buffer() {
        let long = Bytes::from(vec![1; SHORT]);
        let buffer = Bytes::from(vec![2; 16 << 10]);
        let mut replay = Replay::default();
        replay.record(&Frame::Data(long.clone()));
        replay.record(&Frame::Data(buffer.slice(0..1)));
        assert!(!long.is_unique(), "shared");
        assert!(buffer.is_unique(), "copied");
    }

    #[test]
    fn a_discarded_body_can_not_be_replayed() {
        let mut replay = Replay::default();
        replay.record(&data(b"x"));
        replay.discard();
        assert!(replay.replay().is_none());
        assert!(replay.is_empty());
    }
}

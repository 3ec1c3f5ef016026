//! Bodies as they travel: frames, and how long the whole is known to be.

use bytes::Bytes;

use crate::headers::Headers;

/// One step of a body.
#[derive(Debug)]
pub enum Frame {
    /// Bytes; never empty.
    Data(Bytes),
    /// The last step of a body that has trailers.
    Trailers(Headers),
}

/// What is known of a body before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    Empty,
    /// Exactly so many bytes.
    Known(u64),
    /// It ends when it ends.
    Unknown,
    /// Not a body: both directions carry bytes of another protocol until they are closed.
    Tunnel,
}

//! Why bytes are no frame.

use std::fmt;

use super::Envelope;

/// Bytes that can't be a frame, or a frame that can't be written. The connection is over: where the next frame begins is
/// not known.
#[derive(Clone, Debug)]
pub struct FrameError {
    /// The rule that was broken.
    pub reason: &'static str,
    /// The HTTP status that it means for the sender: 400, or 413 for a frame beyond [`super::Limits`].
    pub status: u16,
    /// The head of a request that was understood as far as its number, so that its sender can be told.
    pub request: Option<Box<Envelope>>,
}

impl FrameError {
    /// A broken rule.
    pub const fn new(reason: &'static str) -> Self {
        FrameError { reason, status: 400, request: None }
    }

    /// A frame beyond [`super::Limits`].
    pub const fn too_large(reason: &'static str) -> Self {
        FrameError { reason, status: 413, request: None }
    }

    /// The same about a request whose sender can be told.
    #[must_use]
    pub fn about(mut self, request: Envelope) -> Self {
        self.request = Some(Box::new(request));
        self
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for FrameError {}

//! Why a command could not do its work, in words for the one who typed it. Every command returns it to `main`.

use std::io;

/// What went wrong and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Said in full here.
    #[error("{0}")]
    Told(String),
    /// Standard output or standard error could not be written.
    #[error("can't write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A failure that reads so.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Failure::Told(text.into())
    }

    /// Whether the reader of the output went away (`mecha validate | head -1`), which needs no message.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

//! The three places where lines can go, behind one face.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use mecha_config::server::{LogTarget, Roller};

use super::file::LogFile;

pub(super) enum Sink {
    Stdout,
    Stderr,
    File(LogFile),
}

impl Sink {
    pub(super) fn open(target: &LogTarget, roller: &Roller, zone: &TimeZone) -> io::Result<Self> {
        Ok(match target {
            LogTarget::Stdout => Sink::Stdout,
            LogTarget::Stderr => Sink::Stderr,
            LogTarget::File(path) => Sink::File(LogFile::open(path, roller, zone)?),
        })
    }

    /// Writes as much as can be written; how many bytes that was, and why it was not all.
    pub(super) fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        match self {
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                let (length, result) = write_all(&mut stdout, bytes);
                (length, result.and_then(|()| stdout.flush()))
            }
            Sink::Stderr => write_all(&mut io::stderr(), bytes),
            Sink::File(file) => file.write(bytes),
        }
    }

    /// Opens a file anew; a standard stream stays as it is.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        match self {
            Sink::File(file) => file.reopen(),
            Sink::Stdout | Sink::Stderr => Ok(()),
        }
    }

    /// Begins a new file when the roller says so, before `coming` more bytes are written.
    pub(super) fn rotate_if_due(&mut self, coming: u64) -> io::Result<()> {
        match self {
            Sink::File(file) => file.rotate_if_due(coming),
            Sink::Stdout | Sink::Stderr => Ok(()),
        }
    }
}

/// `Write::write_all` does not tell how far it came, and lines that were written must not be counted as lost.
pub(super) fn write_all(to: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match to.write(rest) {
            Ok(0) => return (done, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

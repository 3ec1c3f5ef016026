//! A log file: made with its folder, appended to, opened again when something else moved it, and rotated by the
//! roller. A rotated file is named after the moment, `access.log.2026-01-02_15-04-05`, and looked after by
//! [`housekeeping`](super::housekeeping).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use mecha_config::server::Roller;

use super::housekeeping::Housekeeper;
use super::sink::write_all;
use crate::stamp;

/// Names tried for a rotated file before giving up, when several rotations fall into one second.
const NAMES: u32 = 1000;

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Devices and pipes are never rotated.
    regular: bool,
    size: u64,
    roller: Roller,
    zone: TimeZone,
    /// The number of the span of time that the file's lines belong to; see [`LogFile::span`].
    span: i64,
    housekeeper: Housekeeper,
}

impl LogFile {
    pub(super) fn open(path: &Path, roller: &Roller, zone: &TimeZone) -> io::Result<Self> {
        let mut this = LogFile {
            path: path.to_owned(),
            file: open(path)?,
            regular: false,
            size: 0,
            roller: roller.clone(),
            zone: zone.clone(),
            span: 0,
            housekeeper: Housekeeper::new(path, roller),
        };
        this.measure()?;
        Ok(this)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let (length, result) = write_all(&mut self.file, bytes);
        self.size += length as u64;
        (length, result)
    }

    /// Opens the path anew; on failure the old file stays.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        self.measure()
    }

    pub(super) fn rotate_if_due(&mut self, coming: u64) -> io::Result<()> {
        let now = SystemTime::now();
        if !self.regular || !self.is_due(now, coming) {
            return Ok(());
        }
        // A failure is not tried again before the next span or the next file's worth of bytes.
        self.size = 0;
        self.span = self.span(now);
        fs::rename(&self.path, self.rotated(now)?)?;
        self.reopen()?;
        self.housekeeper.start();
        Ok(())
    }

    fn is_due(&self, now: SystemTime, coming: u64) -> bool {
        match &self.roller {
            Roller::Size { megabytes, .. } => {
                let most = megabytes.saturating_mul(1 << 20);
                most > 0 && self.size > 0 && self.size.saturating_add(coming) > most
            }
            Roller::Time { .. } => self.size > 0 && self.span(now) != self.span,
        }
    }

    /// Which span of the roller's hours a moment falls into. Spans begin at local midnight, so a daily log is split
    /// where people expect it. Always the same when the roller does not go by time.
    fn span(&self, time: SystemTime) -> i64 {
        let Roller::Time { hours } = self.roller else { return 0 };
        let second = seconds(time);
        let local =
            i64::try_from(second).unwrap_or(i64::MAX).saturating_add(stamp::offset(second, &self.zone));
        local.checked_div_euclid(i64::from(hours).saturating_mul(3600)).unwrap_or(0)
    }

    /// A free name for the file as it is now.
    fn rotated(&self, now: SystemTime) -> io::Result<PathBuf> {
        let at = stamp::civil(seconds(now), &self.zone).strftime("%Y-%m-%d_%H-%M-%S").to_string();
        for number in 0..NAMES {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{at}"));
            if number > 0 {
                name.push(format!(".{number:03}"));
            }
            let mut packed = name.clone();
            packed.push(super::housekeeping::PACKED);
            if !Path::new(&name).exists() && !Path::new(&packed).exists() {
                return Ok(name.into());
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("no free name for {}.{at}", self.path.display()),
        ))
    }

    /// Looks at what was opened: a file of yesterday that already holds lines is due for rotation today.
    fn measure(&mut self) -> io::Result<()> {
        let facts = self.file.metadata()?;
        self.regular = facts.is_file();
        self.size = facts.len();
        let now = SystemTime::now();
        self.span = self.span(if self.size > 0 { facts.modified().unwrap_or(now) } else { now });
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;

//! Notices that files changed: inotify on the folders, and a look every so often in case a notice was lost or the folder
//! is of a kind that gives none. The rest of a burst of changes is waited for.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{sleep, timeout};

/// Changes that follow each other by less are one: editors write a file in several steps.
const BURST: Duration = Duration::from_millis(150);
/// A burst is not waited for any longer.
const LONGEST_BURST: Duration = Duration::from_secs(2);

/// Files and folders that are watched.
pub(super) struct FileWatch {
    notices: Option<Receiver>,
    interval: Duration,
}

impl FileWatch {
    /// Watches folders (what is in them) and files (their folders, since a file is often replaced as a whole).
    /// `interval` is how often a change is assumed without a notice.
    pub(super) fn new(paths: &[PathBuf], interval: Duration) -> Self {
        let notices = open(paths)
            .inspect_err(|error| {
                tracing::warn!("changes of files are noticed late only, there is no inotify: {error}")
            })
            .ok();
        FileWatch { notices, interval }
    }

    /// Waits until something may have changed.
    pub(super) async fn changed(&mut self) {
        let Some(notices) = &mut self.notices else { return sleep(self.interval).await };
        if timeout(self.interval, take(notices)).await.is_err() {
            return;
        }
        let quiet = async { while timeout(BURST, take(notices)).await.is_ok() {} };
        let _ = timeout(LONGEST_BURST, quiet).await;
    }
}

fn open(paths: &[PathBuf]) -> io::Result<Receiver> {
    let notices = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let changes = WatchFlags::CREATE
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO;
    for path in paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new(".")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        inotify::add_watch(&notices, folder, changes)?;
    }
    // A pipe's reading end is what the library offers for any descriptor that epoll knows.
    Receiver::from_owned_fd_unchecked(notices)
}

/// Waits for notices and takes those that are there; what they say does not matter.
async fn take(notices: &mut Receiver) {
    let mut buffer = [0_u8; 4096];
    if !matches!(notices.read(&mut buffer).await, Ok(length) if length > 0) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_file_that_is_written_or_replaced_is_noticed_once() {
        let folder = std::env::temp_dir().join(format!("mecha-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut watch = FileWatch::new(std::slice::from_ref(&folder), NEVER);
        std::fs::write(folder.join("a.yaml"), "one").unwrap();
        std::fs::rename(folder.join("a.yaml"), folder.join("b.yaml")).unwrap();
        timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        assert!(timeout(Duration::from_millis(300), watch.changed()).await.is_err(), "once is enough");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn without_a_notice_the_interval_counts() {
        let mut watch = FileWatch::new(&[PathBuf::from("/no/such/folder")], Duration::from_millis(10));
        timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
    }
}

//! What the queue promises: nothing taken is lost, nobody waits, the end writes everything.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::*;
use crate::testing::Folder;

/// Lines as they are; what became of them goes to the sender.
struct Lines(Vec<String>, Option<std::sync::mpsc::Sender<(u64, u64)>>);

impl Batch for Lines {
    fn lines(&self) -> u64 {
        self.0.len() as u64
    }

    fn render(&self, _stamps: &mut Stamps, out: &mut String) {
        for line in &self.0 {
            out.push_str(line);
            out.push('\n');
        }
    }

    fn settled(&self, written: u64, dropped: u64) {
        if let Some(told) = &self.1 {
            told.send((written, dropped)).unwrap();
        }
    }
}

fn lines(lines: &[&str]) -> Box<dyn Batch> {
    Box::new(Lines(lines.iter().map(|line| (*line).to_owned()).collect(), None))
}

fn open(path: &Path) -> Arc<Output> {
    Output::open(&LogTarget::File(path.to_owned()), &Roller::default(), &TimeZone::UTC).unwrap()
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn closing_writes_what_is_queued() {
    let folder = Folder::new();
    let output = open(&folder.join("a.log"));
    for _ in 0..100 {
        assert!(output.offer(lines(&["one", "two"])).is_ok());
    }
    output.close();
    assert!(output.wait(SOON));
    assert_eq!(output.counts(), (200, 0));
    assert_eq!(fs::read_to_string(folder.join("a.log")).unwrap(), "one\ntwo\n".repeat(100));
    // A line that comes too late is lost, and counted.
    assert!(output.offer(lines(&["late"])).is_ok());
    assert_eq!(output.counts(), (200, 1));
}

#[test]
fn dropping_the_last_handle_writes_what_is_queued() {
    let folder = Folder::new();
    let output = open(&folder.join("a.log"));
    assert!(output.offer(lines(&["one"])).is_ok());
    let shared = output.shared.clone();
    drop(output);
    let mut ended = shared.ended.lock();
    shared.end.wait_while_for(&mut ended, |ended| !*ended, SOON);
    assert_eq!(fs::read_to_string(folder.join("a.log")).unwrap(), "one\n");
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let output = open(Path::new("/dev/full"));
    let (told, news) = std::sync::mpsc::channel();
    for _ in 0..3 {
        assert!(output.offer(Box::new(Lines(vec!["a".into(), "b".into()], Some(told.clone())))).is_ok());
        assert_eq!(news.recv_timeout(SOON), Ok((0, 2)));
    }
    output.close();
    assert!(output.wait(SOON));
    assert_eq!(output.counts(), (0, 6));
}

#[test]
fn a_reopened_log_goes_on_in_a_new_file() {
    let folder = Folder::new();
    let path = folder.join("a.log");
    let output = open(&path);
    let (told, news) = std::sync::mpsc::channel();
    assert!(output.offer(Box::new(Lines(vec!["one".into()], Some(told)))).is_ok());
    assert_eq!(news.recv_timeout(SOON), Ok((1, 0)));
    fs::rename(&path, folder.join("moved")).unwrap();
    output.reopen();
    assert!(output.offer(lines(&["two"])).is_ok());
    output.close();
    assert!(output.wait(SOON));
    assert_eq!(fs::read_to_string(folder.join("moved")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "two\n");
}

/// A pipe nobody reads is the slowest disk there is.
#[test]
fn a_blocked_writer_gives_batches_back_and_loses_none_it_took() {
    let folder = Folder::new();
    let path = folder.join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    // Open for both, so that opening waits for nobody.
    let reader: File = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let output = open(&path);
    let line = "x".repeat(1023);
    let mut taken = 0_u64;
    // The pipe holds 64 KiB and the queue 256 batches, so a thousand batches of 1 KiB cannot all be taken.
    for _ in 0..1000 {
        match output.offer(lines(&[&line])) {
            Ok(()) => taken += 1,
            Err(batch) => output.count_dropped(batch.lines()),
        }
    }
    assert!((QUEUE as u64..1000).contains(&taken), "{taken}");
    assert!(!output.wait(Duration::ZERO));
    output.close();
    let read =
        BufReader::new(reader).lines().take(taken as usize).filter(|read| *read.as_ref().unwrap() == line);
    assert_eq!(read.count() as u64, taken);
    assert!(output.wait(SOON));
    assert_eq!(output.counts(), (taken, 1000 - taken));
}

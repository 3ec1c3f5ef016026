//! Folders, appending, opening anew, and both ways of rotating.

use std::time::Duration;

use super::*;
use crate::testing::Folder;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn sized(megabytes: u64) -> Roller {
    Roller::Size { megabytes, days: 0, keep: 0, compress: false }
}

fn write(file: &mut LogFile, text: &str) {
    file.rotate_if_due(text.len() as u64).unwrap();
    let (length, result) = file.write(text.as_bytes());
    assert_eq!(length, text.len());
    result.unwrap();
}

#[test]
fn folders_are_made_and_lines_appended() {
    let folder = Folder::new();
    let path = folder.join("logs/deep/a.log");
    for line in ["one\n", "two\n"] {
        write(&mut LogFile::open(&path, &Roller::default(), &TimeZone::UTC).unwrap(), line);
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo\n");
}

#[test]
fn a_file_that_was_moved_away_is_made_again() {
    let folder = Folder::new();
    let path = folder.join("a.log");
    let mut file = LogFile::open(&path, &Roller::default(), &TimeZone::UTC).unwrap();
    write(&mut file, "one\n");
    fs::rename(&path, folder.join("moved")).unwrap();
    write(&mut file, "two\n");
    file.reopen().unwrap();
    write(&mut file, "three\n");
    assert_eq!(fs::read_to_string(folder.join("moved")).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "three\n");
}

#[test]
fn a_full_file_makes_way() {
    let folder = Folder::new();
    let path = folder.join("a.log");
    let mut file = LogFile::open(&path, &sized(1), &TimeZone::UTC).unwrap();
    let half = "x".repeat(600 << 10);
    for _ in 0..3 {
        write(&mut file, &half);
    }
    // Two rotations in one second get names of their own.
    assert_eq!(folder.names().len(), 3);
    for name in folder.names() {
        assert_eq!(fs::metadata(folder.join(name)).unwrap().len(), half.len() as u64);
    }
}

#[test]
fn yesterdays_file_makes_way_today() {
    let folder = Folder::new();
    let path = folder.join("a.log");
    fs::write(&path, "yesterday\n").unwrap();
    File::options().append(true).open(&path).unwrap().set_modified(SystemTime::now() - DAY).unwrap();
    let mut file = LogFile::open(&path, &Roller::Time { hours: 24 }, &TimeZone::UTC).unwrap();
    write(&mut file, "today\n");
    write(&mut file, "today\n");
    assert_eq!(folder.names().len(), 2);
    assert_eq!(fs::read_to_string(path).unwrap(), "today\ntoday\n");
}

#[test]
fn days_begin_at_local_midnight() {
    let folder = Folder::new();
    let open = |hours, zone| LogFile::open(&folder.join("a.log"), &Roller::Time { hours }, &zone).unwrap();
    let midnight = UNIX_EPOCH + DAY * 20_000;
    let [before, after] = [midnight - Duration::from_secs(1), midnight];
    let utc = open(24, TimeZone::UTC);
    assert_ne!(utc.span(before), utc.span(after));
    let east = open(24, TimeZone::fixed(jiff::tz::offset(8)));
    assert_eq!(east.span(before), east.span(after));
    assert_ne!(
        east.span(midnight - 8 * (DAY / 24) - Duration::from_secs(1)),
        east.span(midnight - 8 * (DAY / 24))
    );
    let never = open(0, TimeZone::UTC);
    assert_eq!(never.span(before), never.span(after));
}

#[test]
fn a_device_is_never_rotated() {
    let mut file = LogFile::open(Path::new("/dev/null"), &sized(1), &TimeZone::UTC).unwrap();
    for _ in 0..2 {
        write(&mut file, &"x".repeat(1 << 20));
    }
    assert!(!file.regular);
}

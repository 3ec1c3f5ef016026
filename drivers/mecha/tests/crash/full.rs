//! A disk that is full, and a directory that another process has.

use super::support::{Folder, Process, content, get, state};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_nothing_is_lost() {
    let folder = Folder::new("full");
    // Files of at most 6 MiB (in units of 512 bytes), told by an error instead of a signal: the log fits, and the file
    // below does until it has taken the first of it.
    let limit = "trap '' XFSZ; ulimit -f 12288";
    let mut process = Process::start("child::filler", folder.path(), 0, limit);
    let (mut acknowledged, mut errors) = (Vec::new(), Vec::new());
    while let Some(line) = process.line() {
        match line.split_once(' ').unwrap() {
            ("state", rest) => acknowledged.push(rest.split_once(' ').unwrap().0.to_owned()),
            (_, error) => errors.push(error.to_owned()),
        }
    }
    assert!(process.child.wait().unwrap().success());
    assert_eq!(errors.len(), 100);
    for error in &errors {
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
        assert!(error.contains("may not grow further"), "{error}");
    }
    assert!(acknowledged.len() > 100, "only {} were taken", acknowledged.len());

    // With room again, all of it is there.
    let store = state(folder.path()).await.unwrap();
    for key in &acknowledged {
        let number = key.strip_prefix("key-").unwrap().parse().unwrap();
        let found = get(&*store, key).await;
        assert_eq!(found, Some(content(key, number).repeat(8)), "{key} was acknowledged");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused() {
    let folder = Folder::new("second");
    let mut process = Process::start("child::holder", folder.path(), 0, "");
    assert_eq!(process.line().as_deref(), Some("open"));
    let error = state(folder.path()).await.err().expect("two processes have the directory");
    let pid = process.child.id();
    let expected = format!("{} is in use by process {pid}: stop that process", folder.path().display());
    assert!(error.message().starts_with(&expected), "{error}");
    drop(process.input.take());
    assert!(process.child.wait().unwrap().success());
    state(folder.path()).await.unwrap().close().await;
}

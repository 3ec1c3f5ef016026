//! A directory that goes with the test, the components in it, the process that writes, and what it writes: contents that
//! tell whether they are whole.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use mecha_component::pubsub::DynPubSub;
use mecha_component::state::{DynStateStore, GetRequest};
use mecha_component::{Context, Properties};
use mecha_driver_mecha::{PUBSUB, STATE};

/// The variables by which the child learns what to do.
pub(crate) const DIR: &str = "MECHA_CRASH_DIR";
pub(crate) const ROUND: &str = "MECHA_CRASH_ROUND";

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mecha-crash-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the system's directory for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn context(dir: &Path, name: &str) -> Context {
    Context {
        name: name.to_owned(),
        app_id: "crash".to_owned(),
        namespace: String::new(),
        tasks: tokio::runtime::Handle::current(),
        data: dir.to_owned(),
    }
}

pub(crate) async fn state(dir: &Path) -> mecha_component::Result<Arc<dyn DynStateStore>> {
    (STATE.connect)(Properties::default(), context(dir, "statestore")).await
}

pub(crate) async fn pubsub(dir: &Path) -> mecha_component::Result<Arc<dyn DynPubSub>> {
    (PUBSUB.connect)(Properties::default(), context(dir, "pubsub")).await
}

pub(crate) async fn get(store: &dyn DynStateStore, key: &str) -> Option<String> {
    let request = GetRequest { key: key.to_owned(), ..Default::default() };
    let item = store.get(request).await.unwrap();
    item.map(|item| String::from_utf8(item.value.to_vec()).expect("a value is torn"))
}

/// A content for `key` in step `step`, up to 4 KB long.
pub(crate) fn content(key: &str, step: u64) -> String {
    let length = usize::try_from(step.wrapping_mul(2_654_435_761) % 4_000).unwrap();
    let body: String = format!("{key}/{step}/").chars().cycle().take(length).collect();
    format!("{step} {key} {body}")
}

/// The step of a content of `key`.
///
/// # Panics
/// When it is not whole.
pub(crate) fn step(key: &str, found: &str) -> u64 {
    let step = found.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{key} is torn"));
    assert_eq!(found, content(key, step), "{key} is torn");
    step
}

/// The process that writes.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the ignored test `name` in another process; `before` is a shell command to run before it.
    pub(crate) fn start(name: &str, dir: &Path, round: u64, before: &str) -> Self {
        let binary = std::env::current_exe().unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{before}\nexec \"$@\"")).arg("sh").arg(binary);
        command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads", "1"]);
        command.env(DIR, dir).env(ROUND, round.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Process { child, input, output: BufReader::new(output) }
    }

    /// The next whole line that the process wrote as an answer; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            let whole = line.strip_suffix('\n');
            // The harness may have begun the line.
            match whole.and_then(|line| line.split_once(child_mark())) {
                Some((_, answer)) => return Some(answer.to_owned()),
                None if whole.is_none() => return None,
                None => {}
            }
        }
    }
}

/// What tells the child's answers from what the test harness writes.
pub(crate) fn child_mark() -> &'static str {
    "=> "
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

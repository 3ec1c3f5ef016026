//! A process of the quickstart: this binary again, with its output in a file and its life tied to ours by the pipe
//! of its standard input (see `lifeline`).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child as Process, ChildStdin, Command};

use crate::failure::Failure;

/// How long a child may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the caller's shell may say to a runtime, and the quickstart's own must not hear.
const NOT_OURS: [&str; 5] =
    ["DAPR_API_TOKEN", "APP_API_TOKEN", "NAMESPACE", "DAPR_HTTP_PORT", "MECHA_DATA_DIR"];
/// How much of the end of a log is shown.
const TAIL_BYTES: u64 = 4 << 10;
const TAIL_LINES: usize = 15;

/// A running process.
pub(super) struct Child {
    name: &'static str,
    pid: u32,
    log: PathBuf,
    process: Process,
    /// Its lifeline. Kept here because waiting for a process closes the standard input that is left in it.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts this binary with these arguments; standard output and error go to `log`. Fails when it can't be
    /// started.
    pub(super) fn spawn(name: &'static str, args: &[String], log: PathBuf) -> Result<Self, Failure> {
        let mut process = spawn(args, &log).map_err(|error| {
            Failure::new(format!("can't start {name} (`mecha {}`): {error}", args.join(" ")))
        })?;
        let stdin = process.stdin.take();
        Ok(Child { name, pid: process.id().unwrap_or_default(), log, process, stdin })
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The process id it was started with.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// What to say when it has ended although nobody asked it to; `None` while it runs.
    pub(super) fn death(&mut self) -> Option<Failure> {
        match self.process.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(self.obituary(status)),
            Err(error) => Some(Failure::new(format!("can't tell whether {} runs: {error}", self.name))),
        }
    }

    /// Returns when it has ended although nobody asked it to.
    pub(super) async fn died(&mut self) -> Failure {
        match self.process.wait().await {
            Ok(status) => self.obituary(status),
            Err(error) => Failure::new(format!("can't tell whether {} runs: {error}", self.name)),
        }
    }

    fn obituary(&self, status: ExitStatus) -> Failure {
        let tail = tail(&self.log).unwrap_or_else(|error| format!("(it can't be read: {error})"));
        Failure::new(format!("{} ended: {status}. The end of {}:\n{tail}", self.name, self.log.display()))
    }

    /// Asks it to end by closing its pipe.
    pub(super) fn ask_to_end(&mut self) {
        drop(self.stdin.take());
    }

    /// The same, and waits until it has ended; ends it by force when it does not.
    pub(super) async fn stop(mut self) {
        self.ask_to_end();
        if tokio::time::timeout(PATIENCE, self.process.wait()).await.is_err() {
            // It fails only for a process that has just ended after all.
            let _ = self.process.kill().await;
        }
    }
}

fn spawn(args: &[String], log: &Path) -> io::Result<Process> {
    let output = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    for variable in NOT_OURS {
        command.env_remove(variable);
    }
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Ctrl-C at the terminal is for us; we end the children in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The last lines of a file, indented.
fn tail(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(TAIL_LINES));
    Ok(last.map(|line| format!("  {line}\n")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end_of_a_file() {
        let file = std::env::temp_dir().join(format!("mecha-tail-{}", std::process::id()));
        let lines: String = (0..5000).map(|number| format!("line {number}\n")).collect();
        std::fs::write(&file, lines).unwrap();
        let shown = tail(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(shown.lines().count(), TAIL_LINES);
        assert!(shown.ends_with("  line 4999\n"), "{shown}");
    }
}

//! The application that `mecha run` starts beside the runtime: its environment, its output line by line behind a prefix,
//! the signals it gets, and its end. It runs in a process group of its own, so that each signal reaches it exactly once.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Bytes of a line; more are not held back for its end.
pub(super) const LONGEST_LINE: u64 = 64 << 10;
/// How long the application may take to end after a signal; then it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long the rest of its output may take once it has ended; a grandchild may hold the pipe open.
const REST: Duration = Duration::from_secs(1);

/// The signals that are the application's, from the moment this is made: one that comes before the application is there
/// must not be lost.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    /// The terminal is gone.
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves. Fails when the system refuses; wants a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }

    /// The exit status of an application that the next of them ends.
    pub(crate) async fn status(&mut self) -> u8 {
        u8::try_from(128 + self.next().await.as_raw()).unwrap_or(1)
    }
}

/// What is started.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// Program and arguments; not empty.
    pub(crate) command: Vec<OsString>,
    /// Beside what this process has.
    pub(crate) environment: Vec<(String, String)>,
    /// Where it runs; here when `None`.
    pub(crate) folder: Option<PathBuf>,
    /// Before each of its lines; empty for none.
    pub(crate) prefix: String,
}

impl Application {
    /// Runs it until it ends, or until `stop` says so; signals to this process go to it. Its status for `exit`, as shells
    /// count it: the status itself, or 128 and the number of the signal that ended it.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>, signals: &mut Signals) -> io::Result<u8> {
        let mut child = self.start()?;
        let pumps = [
            child.stdout.take().map(|out| tokio::spawn(pump(out, self.prefix.clone(), io::stdout()))),
            child.stderr.take().map(|out| tokio::spawn(pump(out, self.prefix.clone(), io::stderr()))),
        ];
        let asked = tokio::select! {
            ended = child.wait() => {
                self.rest(pumps).await;
                return ended.map(code);
            }
            signal = signals.next() => signal,
            () = told(&mut stop) => Signal::TERM,
        };
        tell(&child, asked);
        let ended = tokio::select! {
            ended = child.wait() => ended?,
            () = sleep(GRACE) => kill(&mut child).await?,
            _ = signals.next() => kill(&mut child).await?,
        };
        self.rest(pumps).await;
        Ok(code(ended))
    }

    fn start(&self) -> io::Result<Child> {
        let (program, arguments) = match self.command.split_first() {
            Some(split) => split,
            None => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no command after --")),
        };
        let mut command = Command::new(program);
        command.args(arguments).envs(self.environment.iter().cloned()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.spawn().map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => " (name a program that is in PATH, or write its path)",
                io::ErrorKind::PermissionDenied => " (it must be a file that may be executed)",
                _ => "",
            };
            io::Error::new(error.kind(), format!("cannot start {}: {error}{hint}", program.to_string_lossy()))
        })
    }

    async fn rest(&self, pumps: [Option<tokio::task::JoinHandle<()>>; 2]) {
        for pump in pumps.into_iter().flatten() {
            let _ = timeout(REST, pump).await;
        }
    }
}

/// Returns once the word has been given, or can't be any more.
async fn told(stop: &mut watch::Receiver<bool>) {
    // What it returns holds a lock, and must not be kept by a future that moves.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn tell(child: &Child, signal: Signal) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended already.
        let _ = kill_process_group(group, signal);
    }
}

async fn kill(child: &mut Child) -> io::Result<ExitStatus> {
    tell(child, Signal::KILL);
    child.wait().await
}

fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// Copies lines, each behind the prefix and in one write, so that lines of several writers do not mix. What is longer than
/// a line may be becomes several.
async fn pump(from: impl AsyncRead + Unpin, prefix: String, mut to: impl io::Write) {
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        line.extend_from_slice(prefix.as_bytes());
        match (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        if to.write_all(&line).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(script: &str) -> Application {
        let command = ["sh", "-c", script].into_iter().map(OsString::from).collect();
        let environment = vec![("GREETING".to_owned(), "7".to_owned())];
        Application { command, environment, folder: None, prefix: String::new() }
    }

    #[tokio::test]
    async fn its_status_is_ours_and_it_has_its_environment() {
        let (_keep, stop) = watch::channel(false);
        let mut signals = Signals::listen().unwrap();
        assert_eq!(application("exit $GREETING").run(stop.clone(), &mut signals).await.unwrap(), 7);
        assert_eq!(application("kill -9 $$").run(stop, &mut signals).await.unwrap(), 137);
    }

    #[tokio::test]
    async fn it_is_told_to_end_and_may_say_how() {
        let (tell, stop) = watch::channel(false);
        let running = tokio::spawn(async move {
            let mut signals = Signals::listen().unwrap();
            application("trap 'exit 5' TERM; while :; do sleep 0.05; done").run(stop, &mut signals).await
        });
        // The shell needs a moment for its trap; asking too early ends it by the signal itself.
        sleep(Duration::from_millis(300)).await;
        tell.send_replace(true);
        assert_eq!(running.await.unwrap().unwrap(), 5);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let (_keep, stop) = watch::channel(false);
        let missing = Application { command: vec!["no-such-program".into()], ..application("") };
        let mut signals = Signals::listen().unwrap();
        let error = missing.run(stop, &mut signals).await.unwrap_err().to_string();
        assert!(error.contains("cannot start no-such-program"), "{error}");
    }

    #[tokio::test]
    async fn lines_get_their_prefix() {
        let mut out = Vec::new();
        pump(&b"one\ntwo"[..], "== APP == ".to_owned(), &mut out).await;
        assert_eq!(out, b"== APP == one\n== APP == two\n");
        let endless = tokio::io::AsyncReadExt::take(tokio::io::repeat(b'x'), LONGEST_LINE + 3);
        let mut out = Vec::new();
        pump(endless, "> ".to_owned(), &mut out).await;
        let lines: Vec<_> = out.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lines, [2 + (64 << 10), 2 + 3, 0]);
    }
}

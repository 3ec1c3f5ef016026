//! `mecha run -f FILE`: every application of the file, each as a `mecha run` of its own, so that one that fails takes
//! nothing of the others with it. Their lines go where the file says: console, files under `.dapr/logs`, or both.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use mecha_config_dapr::{Environment, LogTo, MultiApp, load_multi};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::PREFIX;
use super::application::{LONGEST_LINE, Signals};
use crate::failure::Failure;
use crate::validate::{self, Colour};

/// How long applications and runtimes may take to end after a signal; then they are killed.
const GRACE: Duration = Duration::from_secs(20);

/// Runs every application of the file; exit status 0 when all of them ended with 0, else that of the first that did not.
pub(super) fn run(file: &Path) -> Result<ExitCode, Failure> {
    let (run, diagnostics) = load_multi(file, &Environment::process());
    validate::print(&diagnostics, &mut io::stderr().lock(), Colour::of(io::stderr().is_terminal()))?;
    let Some(run) = run else {
        let summary = validate::summary(&diagnostics, None);
        return Err(Failure::new(format!("did not start: {}: {summary}", file.display())));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(all(run.apps))
}

async fn all(apps: Vec<MultiApp>) -> Result<ExitCode, Failure> {
    // Before the first child: a signal must find somebody who passes it on.
    let mut signals = Signals::listen()?;
    let mut children = Vec::new();
    let mut pumps = JoinSet::new();
    let mut failed = None;
    for app in apps {
        match launch(&app, &mut pumps) {
            Ok(child) => children.push(child),
            // Those that run are asked to end: killed, they would leave their applications behind.
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let asked = failed.as_ref().map(|_| Signal::TERM);
    let status = wait(&mut children, &mut signals, asked).await?;
    pumps.join_all().await;
    failed.map_or(Ok(ExitCode::from(status)), Err)
}

/// Starts an application, and the tasks that take its lines.
fn launch(app: &MultiApp, pumps: &mut JoinSet<()>) -> Result<Child, Failure> {
    let (out, err) = (Sinks::open(app)?, Sinks::open(app)?);
    writeln!(io::stdout(), "starting {} ({})", app.app_id, app.command.join(" "))?;
    let mut child = start(app)?;
    let prefix = prefix(&app.app_id);
    if let Some(lines) = child.stdout.take() {
        pumps.spawn(route(lines, prefix.clone(), out));
    }
    if let Some(lines) = child.stderr.take() {
        pumps.spawn(route(lines, prefix, err));
    }
    Ok(child)
}

/// Waits until all have ended. Signals go to all of them, `asked` at once; by the second one each of them kills its
/// application, so only the third kills them.
async fn wait(children: &mut [Child], signals: &mut Signals, asked: Option<Signal>) -> io::Result<u8> {
    // Those that have ended are taken out: their numbers may be somebody else's by now.
    let ids: RefCell<Vec<_>> = RefCell::new(children.iter().map(Child::id).collect());
    let ended = async {
        let mut first = 0;
        for (place, child) in children.iter_mut().enumerate() {
            let status = child.wait().await?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            if let Some(id) = ids.borrow_mut().get_mut(place) {
                *id = None;
            }
            first = if first == 0 { status } else { first };
        }
        io::Result::Ok(first)
    };
    tokio::pin!(ended);
    let asked = match asked {
        Some(asked) => asked,
        None => tokio::select! {
            status = &mut ended => return status,
            signal = signals.next() => signal,
        },
    };
    tell(&ids.borrow(), asked);
    let again = tokio::select! {
        status = &mut ended => return status,
        signal = signals.next() => signal,
        () = sleep(GRACE) => Signal::TERM,
    };
    tell(&ids.borrow(), again);
    tokio::select! {
        status = &mut ended => return status,
        _ = signals.next() => {}
        () = sleep(GRACE) => {}
    }
    tell(&ids.borrow(), Signal::KILL);
    ended.await
}

fn tell(ids: &[Option<u32>], signal: Signal) {
    for id in ids.iter().flatten().filter_map(|id| i32::try_from(*id).ok()).filter_map(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(id, signal);
    }
}

fn prefix(app_id: &str) -> String {
    format!("== APP - {app_id} == ")
}

fn start(app: &MultiApp) -> Result<Child, Failure> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.arg("run").arg(PREFIX).arg(prefix(&app.app_id)).args(&app.arguments);
    if !app.command.is_empty() {
        command.arg("--").args(&app.command);
    }
    command.envs(&app.env).current_dir(&app.folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| Failure::new(format!("cannot start {}: {error}", app.app_id)))
}

/// Where the lines of an application and those of its runtime go.
struct Sinks {
    app: Sink,
    runtime: Sink,
}

struct Sink {
    console: bool,
    file: Option<std::fs::File>,
}

impl Sinks {
    fn open(app: &MultiApp) -> Result<Self, Failure> {
        Ok(Sinks {
            app: Sink::open(app, app.app_log, "app")?,
            runtime: Sink::open(app, app.runtime_log, "daprd")?,
        })
    }
}

impl Sink {
    fn open(app: &MultiApp, to: LogTo, whose: &str) -> Result<Self, Failure> {
        let file = match to {
            LogTo::Console => None,
            LogTo::File | LogTo::Both => {
                let path = app.folder.join(".dapr/logs").join(format!("{}_{whose}.log", app.app_id));
                let open = || {
                    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                    std::fs::File::options().create(true).append(true).open(&path)
                };
                Some(
                    open()
                        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?,
                )
            }
        };
        Ok(Sink { console: to != LogTo::File, file })
    }

    /// Writes a line; one that can't be written is lost, the application goes on.
    fn write(&mut self, prefix: &str, line: &[u8]) {
        if self.console {
            let mut whole = prefix.as_bytes().to_vec();
            whole.extend_from_slice(line);
            let _ = io::stdout().write_all(&whole);
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(line);
        }
    }
}

/// Gives each line to the application's sink when it has the prefix of the application, else to the runtime's.
async fn route(from: impl AsyncRead + Unpin, prefix: String, mut sinks: Sinks) {
    let mut lines = BufReader::new(from);
    let longest = LONGEST_LINE + prefix.len() as u64 + 1;
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(longest).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => match line.strip_prefix(prefix.as_bytes()) {
                Some(line) => sinks.app.write(&prefix, line),
                None => sinks.runtime.write("", &line),
            },
        }
    }
}

//! `mecha run`: an application and its runtime, started and ended together. The runtime's APIs are open before the
//! application starts and stay open until it has ended, so that it can say goodbye through them.

mod application;
mod multi;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use mecha_app::Ready;
use mecha_config_dapr::{Environment, Flags, Parsed};
use mecha_net::Address;
use tokio::sync::watch;

use crate::daprd::{self, sidecar};
use crate::failure::Failure;
use application::{Application, Signals};

const USAGE: &str = "\
Usage: mecha run --app-id ID [FLAGS] [-- COMMAND [ARGUMENTS]]
       mecha run -f FILE

Starts a runtime and, beside it, the application's command, with DAPR_HTTP_PORT, DAPR_GRPC_PORT, APP_ID and APP_PORT in
its environment. Its output comes line by line behind `== APP ==`; signals go to it and, by its end, end the runtime;
its exit status is that of this command. Without --resources-path there are `statestore`, `pubsub` and `secretstore`, which need nothing installed.

  -f, --run-file FILE   start every application that FILE describes (the format of Dapr's multi-app run)

All flags of `mecha daprd` are taken as well:
";

/// Flags of this command that `daprd` does not have, with the argument that follows them.
const RUN_FILE: [&str; 4] = ["-f", "--run-file", "-run-file", "--f"];
/// Put before the lines of the application in place of the usual prefix; `run -f` uses it.
const PREFIX: &str = "--mecha-log-prefix";

/// Runs with the arguments after the command's name.
pub(crate) fn run(args: Vec<OsString>) -> Result<ExitCode, Failure> {
    if let Some(file) = run_file(&args)? {
        return multi::run(&file);
    }
    let (args, prefix) = take_prefix(args);
    let (parsed, command) = Flags::parse_command(args)
        .map_err(|error| Failure::new(format!("{error} (see mecha run --help)")))?;
    let flags = match parsed {
        Parsed::Run(flags) => *flags,
        Parsed::Help => {
            writeln!(std::io::stdout(), "{USAGE}{}", Flags::help())?;
            return Ok(ExitCode::SUCCESS);
        }
        other => {
            daprd::tell(&other)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let flags = with_free_ports(flags);
    let prefix = prefix.unwrap_or_else(|| "== APP == ".to_owned());
    if command.is_empty() {
        return sidecar::Sidecar::new(flags, Environment::process()).run();
    }
    start(flags, command, prefix)
}

/// The runtime on this thread, the application on another.
fn start(flags: Flags, command: Vec<OsString>, prefix: String) -> Result<ExitCode, Failure> {
    let (tell_ready, ready) = mpsc::channel::<Ready>();
    let (tell_end, end) = watch::channel(false);
    let (tell_stop, stop) = watch::channel(false);
    let environment = environment(&flags);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async { Signals::listen() })?;
    let mut sidecar = sidecar::Sidecar::new(flags, Environment::process());
    sidecar.options.ready = Some(tell_ready);
    sidecar.options.end = Some(end);
    let application = thread::Builder::new().name("application".to_owned()).spawn(move || {
        let status = runtime.block_on(supervise(ready, stop, signals, move |ready| {
            let environment = environment.into_iter().chain(ports(ready)).collect();
            Application { command, environment, folder: None, prefix }
        }));
        tell_end.send_replace(true);
        status
    })?;
    let ended = sidecar.serve();
    tell_stop.send_replace(true);
    match application.join() {
        Ok(Some(Ok(status))) => Ok(if ended.is_err() { ExitCode::FAILURE } else { ExitCode::from(status) }),
        Ok(Some(Err(error))) => Err(Failure::new(error.to_string())),
        Ok(None) | Err(_) => Ok(ExitCode::FAILURE),
    }
}

/// Starts the application once the runtime is ready, and returns its status; `None` when the runtime did not start. A
/// signal that comes earlier is the end before there was anything.
async fn supervise(
    ready: mpsc::Receiver<Ready>,
    stop: watch::Receiver<bool>,
    mut signals: Signals,
    application: impl FnOnce(&Ready) -> Application,
) -> Option<std::io::Result<u8>> {
    let opened = tokio::task::spawn_blocking(move || ready.recv());
    let ready = tokio::select! {
        // Nobody tells when the runtime did not start.
        opened = opened => opened.ok()?.ok()?,
        status = signals.status() => return Some(Ok(status)),
    };
    Some(application(&ready).run(stop, &mut signals).await)
}

/// What the application is told beside the ports (reference 3.2).
fn environment(flags: &Flags) -> Vec<(String, String)> {
    let mut environment = vec![
        ("APP_ID".to_owned(), flags.app_id.clone()),
        ("APP_PROTOCOL".to_owned(), flags.app_protocol.name().to_owned()),
    ];
    if let Some(port) = flags.app_port {
        environment.push(("APP_PORT".to_owned(), port.to_string()));
    }
    environment
}

/// The ports that were taken.
fn ports(ready: &Ready) -> impl Iterator<Item = (String, String)> {
    let names =
        [("HTTP API", "DAPR_HTTP_PORT"), ("gRPC API", "DAPR_GRPC_PORT"), ("metrics", "DAPR_METRICS_PORT")];
    let port = |(api, variable): (&str, &str)| {
        let address = ready.apis.iter().find(|(name, _)| name == api).map(|(_, address)| address);
        let port = address.and_then(Address::port)?;
        Some((variable.to_owned(), port.to_string()))
    };
    names.map(port).into_iter().flatten()
}

/// Usual ports that are taken give way to free ones, so that several applications run beside each other without flags.
fn with_free_ports(mut flags: Flags) -> Flags {
    let usual = Flags::default();
    let ports = [
        (&mut flags.http_port, usual.http_port),
        (&mut flags.grpc_port, usual.grpc_port),
        (&mut flags.metrics_port, usual.metrics_port),
    ];
    for (port, usual) in ports {
        if *port == usual && !sidecar::is_free(usual) {
            *port = 0;
        }
    }
    flags
}

fn run_file(args: &[OsString]) -> Result<Option<PathBuf>, Failure> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if let Some(file) = text.strip_prefix("--run-file=").or_else(|| text.strip_prefix("-f=")) {
            return Ok(Some(file.into()));
        }
        if RUN_FILE.contains(&&*text) {
            let file = args.next().ok_or_else(|| Failure::new(format!("{text} wants a file")))?;
            return Ok(Some(file.into()));
        }
    }
    Ok(None)
}

fn take_prefix(args: Vec<OsString>) -> (Vec<OsString>, Option<String>) {
    let mut args = args.into_iter().peekable();
    if args.peek().is_some_and(|arg| arg == PREFIX) {
        args.next();
        let prefix = args.next().map(|prefix| prefix.to_string_lossy().into_owned());
        return (args.collect(), prefix);
    }
    (args.collect(), None)
}

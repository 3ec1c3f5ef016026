//! `mecha start`: loads the configuration, says what it finds, and runs until a signal ends it. Nothing else may
//! happen on the way: the first request should be served within 30 ms of the start.

mod args;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;
use mecha_config::Config;
use mecha_config::server::LogLevel;
use mecha_config_dapr::{Environment, Flags, Parsed};

pub(crate) use self::args::StartArgs;
use self::args::{Level, Workers};
use crate::daprd;
use crate::daprd::sidecar::Sidecar;
use crate::failure::Failure;
use crate::lifeline;
use crate::validate::{self, Colour};
use crate::version::VERSION;

/// Flags of `start` that the runtime has as well, and mean the proxy here.
const OWN: [&str; 4] = ["config", "log-level", "version", "help"];
/// What the runtime's flag of a name that is taken is called here.
const RENAMED: [(&str, &str); 1] = [("dapr-config", "config")];

/// Takes the runtime's flags out of the arguments of `mecha start`; other commands keep theirs.
pub(crate) fn split(args: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    match args.get(1) {
        Some(command) if command == "start" => Flags::split(args, &OWN, &RENAMED),
        _ => (args, Vec::new()),
    }
}

/// Blocks until the process is told to end. Fails when it can't start. `runtime` holds the flags of an application
/// runtime that is to run beside the proxy.
pub(crate) fn run(args: &StartArgs, runtime: Vec<OsString>) -> Result<ExitCode, Failure> {
    let mut config = load(args)?;
    if let Some(seconds) = args.drain_time_s {
        config.server.graceful_timeout = Duration::from_secs(seconds.into());
    }
    let log_level = log_level(args);
    if log_level.unwrap_or(config.server.log_level) >= LogLevel::Debug {
        tell_idle_flags(args)?;
    }
    if args.exit_with_parent {
        lifeline::tie().map_err(|error| Failure::new(format!("can't watch standard input: {error}")))?;
    }
    let options = mecha_app::Options {
        workers: args.concurrency.map(|workers| match workers {
            Workers::PerCore => mecha_base::cpu::available(),
            Workers::Exactly(number) => number,
        }),
        log_level,
        config_file: Some(args.config.config.clone()),
        version: VERSION,
        ..mecha_app::Options::default()
    };
    if !runtime.is_empty() {
        let flags = match Flags::parse(runtime).map_err(|error| Failure::new(error.to_string()))? {
            Parsed::Run(flags) => *flags,
            other => return daprd::tell(&other).map(|()| ExitCode::SUCCESS),
        };
        let mut sidecar = Sidecar::new(flags, Environment::process()).beside(config);
        sidecar.options = mecha_app::Options { drivers: sidecar.options.drivers, ..options };
        return sidecar.run();
    }
    match mecha_app::run(config, &options) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// The configuration, once its findings are on standard error. Fails when it can't run.
fn load(args: &StartArgs) -> Result<Config, Failure> {
    let file = &args.config.config;
    let mut loaded = mecha_config_mosn::load(file);
    if args.strict {
        loaded.diagnostics.escalate();
    }
    let colour = Colour::of(io::stderr().is_terminal());
    validate::print(&loaded.diagnostics, &mut io::stderr().lock(), colour)?;
    match loaded.config {
        Some(config) if !loaded.diagnostics.has_errors() => Ok(config),
        _ => {
            let summary = validate::summary(&loaded.diagnostics, None);
            Err(Failure::new(format!("did not start: {}: {summary}", file.display())))
        }
    }
}

/// The level of the flag, or of `LOG_LEVEL`; as in MOSN, a variable that names no level changes nothing.
fn log_level(args: &StartArgs) -> Option<LogLevel> {
    let named = || Level::from_str(&std::env::var("LOG_LEVEL").ok()?, true).ok();
    args.log_level.or_else(named).map(LogLevel::from)
}

/// Debug lines: the log that `mecha_app` opens does not exist yet.
fn tell_idle_flags(args: &StartArgs) -> io::Result<()> {
    let given = args.idle.given();
    if given.is_empty() {
        return Ok(());
    }
    writeln!(io::stderr(), "mecha: debug: without effect: {}", given.join(", "))
}

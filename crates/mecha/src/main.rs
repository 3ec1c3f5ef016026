//! The command line of Mecha: reads the arguments, hands each command to its file, turns the outcome into an exit
//! status (0 it worked, 1 it did not, 2 the arguments make no sense).

mod argv;
mod cli;
mod completions;
mod daprd;
mod drivers;
mod failure;
mod lifeline;
mod quickstart;
mod reload;
mod run;
mod start;
mod stop;
mod validate;
mod version;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let outcome = match argv::foreign(&args) {
        Some((argv::Foreign::Daprd, args)) => daprd::run(args),
        Some((argv::Foreign::Run, args)) => run::run(args),
        None => {
            let (args, runtime) = start::split(args);
            obey(Cli::parse_from(argv::normalise(args)).command, runtime)
        }
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            if !failure.is_unread() {
                // Nobody is left to tell when this fails as well.
                let _ = writeln!(std::io::stderr(), "mecha: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

/// `runtime` holds the flags of `start` that are the runtime's.
fn obey(command: Command, runtime: Vec<OsString>) -> Result<ExitCode, Failure> {
    match command {
        Command::Daprd(args) => daprd::run(args.args),
        Command::Run(args) => run::run(args.args),
        Command::Start(args) => start::run(&args, runtime),
        Command::Stop(args) => stop::run(&args),
        Command::Reload(_) => reload::run(),
        Command::Validate(args) => validate::run(&args),
        Command::Quickstart(args) => quickstart::run(&args),
        Command::QuickstartService(args) => quickstart::service::run(&args),
        Command::Version => version::run(),
        Command::Completions(args) => completions::run(&args),
    }
}

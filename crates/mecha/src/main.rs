//! The command line of Mecha: reads the arguments, hands each command to its file, turns the outcome into an exit
//! status (0 it worked, 1 it did not, 2 the arguments make no sense).

mod argv;
mod cli;
mod completions;
mod failure;
mod lifeline;
mod quickstart;
mod reload;
mod start;
mod stop;
mod validate;
mod version;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse_from(argv::normalise(std::env::args_os()));
    match run(cli.command) {
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

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Start(args) => start::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Reload(_) => reload::run(),
        Command::Validate(args) => validate::run(&args),
        Command::Quickstart(args) => quickstart::run(&args),
        Command::QuickstartService(args) => quickstart::service::run(&args),
        Command::Version => version::run(),
        Command::Completions(args) => completions::run(&args),
    }
}

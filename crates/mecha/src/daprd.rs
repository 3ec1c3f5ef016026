//! `mecha daprd`, and the binary under the name `daprd`: the runtime by Dapr's flags and files (Dapr's reference 3, 5).
//! Exit status: 0 ended as asked, 1 could not start or had to be cut.

pub(crate) mod sidecar;
mod wait;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use mecha_config_dapr::{Environment, Flags, Parsed};

use crate::failure::Failure;
use crate::lifeline;
use crate::version::VERSION;
use sidecar::Sidecar;

/// Runs with the arguments after the command's name.
pub(crate) fn run(args: Vec<OsString>) -> Result<ExitCode, Failure> {
    let (args, with_parent) = lifeline::take(args);
    if with_parent {
        lifeline::tie().map_err(|error| Failure::new(format!("can't watch standard input: {error}")))?;
    }
    let environment = Environment::process();
    let parsed = Flags::parse(args).map_err(|error| Failure::new(error.to_string()))?;
    match parsed {
        Parsed::Run(flags) => Sidecar::new(*flags, environment).run(),
        Parsed::Wait(flags) => wait::run(&flags, &environment),
        other => {
            tell(&other)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints what flags other than those of a run ask for.
pub(crate) fn tell(parsed: &Parsed) -> Result<(), Failure> {
    let text = match parsed {
        Parsed::BuildInfo => {
            format!("Version: {VERSION}\nGit Commit: {}\nGit Version: {VERSION}", sidecar::COMMIT)
        }
        Parsed::Help => Flags::help(),
        Parsed::Version | Parsed::Run(_) | Parsed::Wait(_) => VERSION.to_owned(),
    };
    writeln!(std::io::stdout(), "{}", text.trim_end())?;
    Ok(())
}

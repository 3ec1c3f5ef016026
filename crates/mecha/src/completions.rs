//! `mecha completions SHELL`: the script that a shell reads to complete commands and flags.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::failure::Failure;

/// Prints the script for the shell that was named.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mecha", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_knows_the_commands_and_their_flags() {
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut Cli::command(), "mecha", &mut script);
        let script = String::from_utf8(script).unwrap();
        for word in ["validate", "quickstart", "--strict", "--concurrency"] {
            assert!(script.contains(word), "{word}");
        }
    }
}

//! `mecha completions SHELL`: the script that a shell reads to complete commands and flags.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::failure::Failure;
use crate::version::VERSION;

/// Prints the script for the shell that was named.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut shown(), "mecha", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The command line without what `--help` hides: the generators would offer that too.
fn shown() -> clap::Command {
    let whole = Cli::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new("mecha")
        .version(VERSION)
        .disable_version_flag(true)
        .args(whole.get_arguments().cloned())
        .subcommands(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_knows_the_commands_and_their_flags() {
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut shown(), "mecha", &mut script);
        let script = String::from_utf8(script).unwrap();
        for word in ["validate", "quickstart", "--strict", "--concurrency"] {
            assert!(script.contains(word), "{word}");
        }
        assert!(!script.contains("quickstart-service"));
    }
}

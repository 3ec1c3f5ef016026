//! Checks of this repository that the compiler and clippy cannot make: the layer rule, the size of files,
//! file headers, links between pages, strings that belong to one machine.
//!
//! `cargo xtask check` runs them all (`./test lint` and CI call it); `cargo xtask layers` prints the crates and
//! what each depends on. The standard library alone, so that it compiles in a moment.

mod finding;
mod manifest;
mod repo;
mod report;
mod rules;
mod source;

use std::process::ExitCode;

use crate::repo::Repo;

const HELP: &str = "\
Repository checks.

Usage: cargo xtask <COMMAND>

Commands:
  check   check the whole tree; exit status 1 when a rule is broken
  layers  print the crates by layer and what each depends on
  rules   list the rules
  help    print this
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_else(|| "help".to_owned());
    if let Some(extra) = args.next() {
        eprintln!("xtask: `{command}` takes no argument, but got `{extra}`");
        return ExitCode::from(2);
    }
    match command.as_str() {
        "check" => with_repo(report::check),
        "layers" => with_repo(|repo| {
            print!("{}", rules::layers::graph(repo));
            true
        }),
        "rules" => {
            print!("{}", report::list());
            ExitCode::SUCCESS
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("xtask: no command `{other}`; the commands are check, layers, rules, help");
            ExitCode::from(2)
        }
    }
}

fn with_repo(run: impl FnOnce(&Repo) -> bool) -> ExitCode {
    match Repo::open() {
        Ok(repo) if run(&repo) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

//! `mecha validate`: every finding of a configuration at once, then a line that sums up. `start` and `run` print
//! findings through here too.

mod resources;

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use mecha_config::{Config, Diagnostic, Diagnostics, Severity};

use crate::cli::ValidateArgs;
use crate::failure::Failure;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const PLAIN: &str = "\x1b[0m";

/// Whether words are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Never,
    Ansi,
}

impl Colour {
    /// Colour for a person at a terminal who did not ask for none (`NO_COLOR`).
    pub(crate) fn of(terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if terminal && !unwanted { Colour::Ansi } else { Colour::Never }
    }
}

/// Prints findings and summary to standard output; exit status 1 when the configuration can't run.
pub(crate) fn run(args: &ValidateArgs) -> Result<ExitCode, Failure> {
    let colour = Colour::of(io::stdout().is_terminal());
    let sound = report(args, &mut io::stdout().lock(), colour)?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes all of it to `out` and returns whether everything can run.
fn report(args: &ValidateArgs, out: &mut impl Write, colour: Colour) -> io::Result<bool> {
    let (settings, proxies): (Vec<PathBuf>, Vec<PathBuf>) =
        args.files().into_iter().partition(|file| mecha_config_dapr::is_configuration(file));
    let mut sound = true;
    for file in proxies {
        let mut loaded = mecha_config_mosn::load(&file);
        let found = std::mem::take(&mut loaded.diagnostics);
        sound &= part(&file.display().to_string(), found, args.strict, (out, colour), |found| {
            summary(found, loaded.config.as_ref().filter(|_| !found.has_errors()))
        })?;
    }
    sound &= resources::report(args, &settings, (out, colour))?;
    out.flush()?;
    Ok(sound)
}

/// Writes what was found in one part, and its summary behind its name; whether it can run.
fn part(
    name: &str,
    mut found: Diagnostics,
    strict: bool,
    (out, colour): (&mut impl Write, Colour),
    summary: impl FnOnce(&Diagnostics) -> String,
) -> io::Result<bool> {
    if strict {
        found.escalate();
    }
    print(&found, out, colour)?;
    writeln!(out, "{name}: {}", summary(&found))?;
    Ok(!found.has_errors())
}

/// Writes one line per finding.
pub(crate) fn print(found: &Diagnostics, out: &mut impl Write, colour: Colour) -> io::Result<()> {
    found.0.iter().try_for_each(|found| writeln!(out, "{}", line(found, colour)))
}

/// The finding as its own type writes it, with the severity coloured.
fn line(found: &Diagnostic, colour: Colour) -> String {
    let text = found.to_string();
    let (word, paint) = match found.severity {
        Severity::Error => ("error: ", RED),
        Severity::Warning => ("warning: ", YELLOW),
    };
    match colour {
        Colour::Never => text,
        Colour::Ansi => text.replacen(word, &format!("{paint}{word}{PLAIN}"), 1),
    }
}

/// "2 errors, 1 warning", or what a configuration without errors holds.
pub(crate) fn summary(found: &Diagnostics, model: Option<&Config>) -> String {
    let holds = model.map(|model| {
        [
            count(model.listeners.len(), "listener"),
            count(model.routers.len(), "router"),
            count(model.clusters.len(), "cluster"),
        ]
        .join(", ")
    });
    verdict(found, holds)
}

/// "2 errors, 1 warning", or what there is when there are no errors.
fn verdict(found: &Diagnostics, holds: Option<String>) -> String {
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    let warned = if warnings == 0 { String::new() } else { format!(", {}", count(warnings, "warning")) };
    match holds {
        None => format!("{}{warned}", count(errors, "error")),
        Some(holds) => format!("ok{warned} ({holds})"),
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    /// A listener with a misspelt key and a router that does not exist.
    const TYPOS: &str = r#"{
  "servers": [{
    "listeners": [{
      "name": "in",
      "adress": "127.0.0.1:2045",
      "address": "127.0.0.1:2045",
      "bind_port": true,
      "filter_chains": [{ "filters": [{
        "type": "proxy",
        "config": { "downstream_protocol": "Http1", "router_config_name": "nowhere" }
      }] }]
    }]
  }]
}
"#;

    fn validated(name: &str, text: &str, strict: bool) -> (bool, String) {
        let file = std::env::temp_dir().join(format!("mecha-validate-{}-{name}.json", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let done = reported(&file, strict);
        std::fs::remove_file(&file).unwrap();
        done
    }

    fn reported(file: &Path, strict: bool) -> (bool, String) {
        let file = file.to_str().unwrap();
        let strict = if strict { &["--strict"][..] } else { &[] };
        command(&[&["-c", file], strict].concat())
    }

    /// What `mecha validate` with these arguments says, and whether it is content.
    pub(super) fn command(args: &[&str]) -> (bool, String) {
        let args = [&["mecha", "validate"], args].concat();
        let Command::Validate(args) = Cli::try_parse_from(args).unwrap().command else { panic!("validate") };
        let mut out = Vec::new();
        let sound = report(&args, &mut out, Colour::Never).unwrap();
        (sound, String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_finding_has_its_place_and_a_hint() {
        let (sound, text) = validated("typos", TYPOS, false);
        assert!(!sound);
        let typo = text.lines().find(|line| line.contains("adress")).unwrap();
        assert!(typo.contains(".json:5:") && typo.contains("warning: "), "{text}");
        assert!(typo.contains("did you mean") && typo.contains("address"), "{text}");
        let missing = text.lines().find(|line| line.contains("nowhere")).unwrap();
        assert!(missing.contains("error: "), "{text}");
        assert!(text.ends_with(".json: 1 error, 1 warning\n"), "{text}");
    }

    #[test]
    fn strict_counts_warnings_as_errors() {
        let sound = |strict| {
            let fine = r#"{ "servers": [{ "listeners": [], "no_such_key": 1 }] }"#;
            validated(if strict { "strict" } else { "lenient" }, fine, strict)
        };
        assert!(sound(false).0, "{}", sound(false).1);
        assert!(sound(false).1.contains("ok, 1 warning (0 listeners, 0 routers, 0 clusters)"));
        assert!(!sound(true).0);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_that_names_it() {
        let (sound, text) = reported(Path::new("/nonexistent/mosn_config.json"), false);
        assert!(!sound);
        assert!(text.contains("/nonexistent/mosn_config.json") && text.contains("error: "), "{text}");
    }

    #[test]
    fn colour_is_on_the_severity_alone() {
        let found = Diagnostic {
            severity: Severity::Warning,
            file: "a.json".into(),
            line: 3,
            column: 7,
            key: "servers[0]".to_owned(),
            message: "odd".to_owned(),
            hint: None,
        };
        assert_eq!(line(&found, Colour::Never), "a.json:3:7: warning: servers[0]: odd");
        assert_eq!(line(&found, Colour::Ansi), "a.json:3:7: \u{1b}[1;33mwarning: \u{1b}[0mservers[0]: odd");
    }
}

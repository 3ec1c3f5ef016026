//! What the command line looks like: commands, their arguments and the help text. MOSN's flags keep their names
//! (reference 5.1), so that scripts written for it work.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::quickstart::service::ServiceArgs;
use crate::start::StartArgs;

/// The configuration that is taken when none is named, as in MOSN.
const DEFAULT_CONFIG: &str = "configs/mosn_config.json";

const ABOUT: &str = "A sidecar: service-mesh proxy and application runtime in one process";

const LONG_ABOUT: &str = "\
Mecha is a sidecar: one process beside an application, through which everything the application says to the outside
world passes. As a proxy it speaks HTTP/1, HTTP/2, gRPC and TCP, routes, balances and retries, and is configured by
MOSN's JSON or YAML. As a runtime it gives the application state, messages, invocation and secrets behind Dapr's HTTP
and gRPC APIs, configured by Dapr's flags and files.";

const EXAMPLES: &str = "\
Examples:
  mecha quickstart                        see it work: two demo services, traffic over every path, a table
  mecha validate -c mosn_config.json      everything that is wrong with a configuration, at once
  mecha validate --resources-path DIR     the same for Dapr's resource files
  mecha run --app-id orders --app-port 8080 -- python3 app.py
                                          an application with the runtime's APIs beside it
  mecha start -c mosn_config.json         run it until SIGTERM (finishes requests first) or Ctrl-C (ends at once)
  mecha stop -c mosn_config.json          end the process that the configuration's pid file names
  mecha completions bash > /etc/bash_completion.d/mecha

Long flags take one dash or two, as MOSN's do. `mecha COMMAND --help` shows the flags of a command.
Exit status: 0 it worked, 1 it did not, 2 the arguments make no sense.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "mecha", about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES)]
#[command(version, disable_version_flag = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a configuration
    Start(Box<StartArgs>),
    /// End the process that a configuration's pid file names
    Stop(ConfigArgs),
    /// Does nothing, as in MOSN
    Reload(ConfigArgs),
    /// Report every error and warning of a configuration
    Validate(ValidateArgs),
    /// Run the application runtime beside an application: `mecha run --app-id ID -- COMMAND` (or -f FILE)
    #[command(disable_help_flag = true)]
    Run(ForeignArgs),
    /// Run the application runtime by Dapr's flags; so does this binary under the name daprd
    #[command(disable_help_flag = true)]
    Daprd(ForeignArgs),
    /// Show it at work: demo services, real traffic, a table of what happened
    Quickstart(QuickstartArgs),
    /// A demo service of the quickstart
    #[command(hide = true)]
    QuickstartService(ServiceArgs),
    /// Print the version
    Version,
    /// Print a script that completes commands and flags in a shell
    Completions(CompletionsArgs),
}

/// Which configuration is meant.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration: MOSN's JSON, or YAML when the name ends in .yaml or .yml
    #[arg(short, long = "config", value_name = "FILE", env = "MOSN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub(crate) config: PathBuf,
}

/// `mecha validate`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 everything runs (there may be warnings), 1 something does not.")]
pub(crate) struct ValidateArgs {
    /// MOSN's configuration, or Dapr's Configuration; may stand more than once [default: configs/mosn_config.json unless
    /// there are resources]
    #[arg(short, long, value_name = "FILE", env = "MOSN_CONFIG")]
    config: Vec<PathBuf>,
    /// A folder of Dapr's resource files; may stand more than once
    #[arg(short = 'd', long, value_name = "DIR")]
    pub(crate) resources_path: Vec<PathBuf>,
    /// Check what this application gets, not everything
    #[arg(short = 'a', long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) app_id: String,
    /// Count warnings (unknown keys and filters) as errors
    #[arg(long)]
    pub(crate) strict: bool,
}

impl ValidateArgs {
    /// The files: those that are named, or MOSN's own when nothing is named at all.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        if self.config.is_empty() && self.resources_path.is_empty() {
            return vec![PathBuf::from(DEFAULT_CONFIG)];
        }
        self.config.clone()
    }
}

/// Arguments that are read by Dapr's rules.
#[derive(Debug, Args)]
pub(crate) struct ForeignArgs {
    /// The flags of `daprd`, and of `run` the application's command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    pub(crate) args: Vec<OsString>,
}

/// `mecha quickstart`.
#[derive(Debug, Args)]
#[command(after_help = "Everything runs on free loopback ports and ends with this process.")]
pub(crate) struct QuickstartArgs {
    /// End after the table; exit status 0 only if every row succeeded
    #[arg(long)]
    pub(crate) once: bool,
}

/// `mecha completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that will read the script
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::argv;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(argv::normalise(line.split(' ').map(Into::into)))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_mosn_is_taken_in_either_spelling() {
        let line = "mecha start -config x.json -service-cluster c --service-node n --service-type sidecar -sm a=b \
            --service-meta c=d -sl e=f --service-lables g=h -domain d -f auto_config=true -pns ns -pn pod -pi 10.0.0.1 \
            --log-level warning -lf json -lc main:debug --local-address-ip-version v4 --restart-epoch 0 \
            --drain-time-s 45 --parent-shutdown-time-s 60 --max-obj-name-len 189 --concurrency 2 \
            --log-format-prefix-with-location 0 --bootstrap-version 3 --drain-strategy immediate \
            --disable-hot-restart=false";
        let words: Vec<_> = line.split_whitespace().collect();
        let Command::Start(args) = parse(&words.join(" ")).unwrap().command else { panic!("start") };
        assert_eq!(args.config.config, PathBuf::from("x.json"));
        let short =
            "mecha start -c x.json -s c -n n -p sidecar -l trace -cluster-domain d --feature-gates a=true";
        assert!(parse(short).is_ok());
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        let error = parse("mecha start --conifg x").unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
        assert_ne!(error.exit_code(), 0);
        assert!(error.to_string().contains("--config"), "{error}");
    }
}

//! The flags of `mecha start`: those that do something, and those that MOSN takes for Istio's pilot-agent and that
//! are taken here so that its command lines work (reference 5.1).

use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use mecha_config::server::LogLevel;

use crate::cli::ConfigArgs;

/// `mecha start`.
#[derive(Debug, Args)]
#[command(after_help = "\
Signals: SIGTERM finishes requests in flight first (up to graceful_timeout), SIGINT and SIGQUIT end at once,
SIGUSR1 opens the log files again. Exit status: 0 ended as asked, 1 could not start.
With --app-id an application runtime runs in the same process: every flag of `mecha daprd` is taken as well, its
--config as --dapr-config. Then SIGINT finishes what is in flight, too.")]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Refuse to start on warnings (unknown keys and filters) too
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, value_name = "BOOL")]
    #[arg(default_value = "false", default_missing_value = "true", hide_default_value = true)]
    #[arg(value_parser = BoolishValueParser::new())]
    pub(crate) strict: bool,

    /// Data workers: a number, or 0 or "auto" for one per available core; wins over the configuration
    #[arg(long, value_name = "N", env = "MECHA_WORKERS")]
    pub(crate) concurrency: Option<Workers>,

    /// The least severe level that is logged; wins over the configuration [env: LOG_LEVEL=]
    #[arg(short, long, value_enum, ignore_case = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<Level>,

    /// Seconds that requests in flight may take after SIGTERM; wins over graceful_timeout
    #[arg(long, value_name = "SECONDS")]
    pub(crate) drain_time_s: Option<u32>,

    /// End when standard input does: the quickstart's children end with it.
    #[arg(long, hide = true)]
    pub(crate) exit_with_parent: bool,

    #[command(flatten)]
    pub(crate) idle: IdleArgs,
}

/// How many data workers, as the command line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// One per available core.
    PerCore,
    /// So many.
    Exactly(usize),
}

impl FromStr for Workers {
    type Err = String;

    /// An empty text is what an environment variable without a value gives; 0 is Envoy's word for "per core".
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "" | "0" | "auto" => Ok(Workers::PerCore),
            text => match text.parse() {
                Ok(number) if number <= MOST_WORKERS => Ok(Workers::Exactly(number)),
                _ => Err(format!(
                    "not a number of workers from 0 to {MOST_WORKERS}, nor \"auto\" (flag or MECHA_WORKERS)"
                )),
            },
        }
    }
}

/// More than any machine has cores; a larger number is a slip.
const MOST_WORKERS: usize = 4096;

/// The values of `--log-level`: MOSN's, and the names that its configuration uses for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    #[value(alias = "warn")]
    Warning,
    Error,
    #[value(alias = "fatal")]
    Critical,
    Off,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warn,
            Level::Error => LogLevel::Error,
            Level::Critical => LogLevel::Fatal,
            Level::Off => LogLevel::Off,
        }
    }
}

/// Flags without effect here.
#[derive(Debug, Args)]
#[command(next_help_heading = "Taken for MOSN's and Istio's command lines, without effect")]
pub(crate) struct IdleArgs {
    /// Service cluster of the sidecar
    #[arg(short, long, value_name = "NAME", env = "SERVICE_CLUSTER", hide_short_help = true)]
    service_cluster: Option<String>,
    /// Service node of the sidecar
    #[arg(short = 'n', long, value_name = "NAME", env = "SERVICE_NODE", hide_short_help = true)]
    service_node: Option<String>,
    /// sidecar or router
    #[arg(short = 'p', long, value_name = "TYPE", env = "SERVICE_TYPE", hide_short_help = true)]
    service_type: Option<String>,
    /// Service metadata
    #[arg(long, visible_alias = "sm", value_name = "K=V", env = "SERVICE_META", hide_short_help = true)]
    service_meta: Vec<String>,
    /// Service labels (MOSN's spelling)
    #[arg(long, visible_alias = "sl", value_name = "K=V", env = "SERVICE_LAB", hide_short_help = true)]
    service_lables: Vec<String>,
    /// Domain of the cluster
    #[arg(
        long,
        visible_alias = "domain",
        value_name = "NAME",
        env = "CLUSTER_DOMAIN",
        hide_short_help = true
    )]
    cluster_domain: Vec<String>,
    /// Feature gates
    #[arg(short, long, value_name = "A=BOOL,...", env = "FEATURE_GATES", hide_short_help = true)]
    feature_gates: Option<String>,
    /// Namespace of the pod
    #[arg(long, visible_alias = "pns", value_name = "NAME", env = "POD_NAMESPACE", hide_short_help = true)]
    pod_namespace: Option<String>,
    /// Name of the pod
    #[arg(long, visible_alias = "pn", value_name = "NAME", env = "POD_NAME", hide_short_help = true)]
    pod_name: Option<String>,
    /// Address of the pod
    #[arg(long, visible_alias = "pi", value_name = "IP", env = "POD_IP", hide_short_help = true)]
    pod_ip: Option<String>,
    /// Format of the log
    #[arg(long, visible_alias = "lf", value_name = "FORMAT", hide_short_help = true)]
    log_format: Option<String>,
    /// Level by component
    #[arg(long, visible_alias = "lc", value_name = "NAME:LEVEL", hide_short_help = true)]
    component_log_level: Vec<String>,
    /// v4 or v6
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    local_address_ip_version: Option<String>,
    /// Count of hot restarts
    #[arg(long, value_name = "N", hide_short_help = true)]
    restart_epoch: Option<i64>,
    /// Seconds until the parent of a hot restart ends
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    parent_shutdown_time_s: Option<String>,
    /// Longest name
    #[arg(long, value_name = "N", hide_short_help = true)]
    max_obj_name_len: Option<i64>,
    /// Whether a log line shows where it comes from
    #[arg(long, value_name = "N", hide_short_help = true)]
    log_format_prefix_with_location: Option<i64>,
    /// Version of the bootstrap configuration
    #[arg(long, value_name = "N", hide_short_help = true)]
    bootstrap_version: Option<i64>,
    /// How connections are drained
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    drain_strategy: Option<String>,
    /// No hot restart
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    #[arg(value_parser = BoolishValueParser::new(), hide_short_help = true)]
    disable_hot_restart: Option<bool>,
}

impl IdleArgs {
    /// The flags of these that were given, by flag or environment.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let all = [
            ("--service-cluster", self.service_cluster.is_some()),
            ("--service-node", self.service_node.is_some()),
            ("--service-type", self.service_type.is_some()),
            ("--service-meta", !self.service_meta.is_empty()),
            ("--service-lables", !self.service_lables.is_empty()),
            ("--cluster-domain", !self.cluster_domain.is_empty()),
            ("--feature-gates", self.feature_gates.is_some()),
            ("--pod-namespace", self.pod_namespace.is_some()),
            ("--pod-name", self.pod_name.is_some()),
            ("--pod-ip", self.pod_ip.is_some()),
            ("--log-format", self.log_format.is_some()),
            ("--component-log-level", !self.component_log_level.is_empty()),
            ("--local-address-ip-version", self.local_address_ip_version.is_some()),
            ("--restart-epoch", self.restart_epoch.is_some()),
            ("--parent-shutdown-time-s", self.parent_shutdown_time_s.is_some()),
            ("--max-obj-name-len", self.max_obj_name_len.is_some()),
            ("--log-format-prefix-with-location", self.log_format_prefix_with_location.is_some()),
            ("--bootstrap-version", self.bootstrap_version.is_some()),
            ("--drain-strategy", self.drain_strategy.is_some()),
            ("--disable-hot-restart", self.disable_hot_restart.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_a_number_or_one_per_core() {
        for text in ["", "0", "auto"] {
            assert_eq!(text.parse(), Ok(Workers::PerCore), "{text:?}");
        }
        assert_eq!("3".parse(), Ok(Workers::Exactly(3)));
        for text in ["-1", "many", "1000000"] {
            assert!(text.parse::<Workers>().is_err(), "{text:?}");
        }
    }
}

//! The flags of `daprd` (reference 3.1): every one is taken, with one dash or two, as `--flag value` or `--flag=value`.
//! `mecha daprd`, `mecha run` and `mecha start` read them by one table; what they mean together is `runtime`'s business.

mod error;
mod help;
mod parse;
mod split;
mod table;
mod value;

use std::path::PathBuf;
use std::time::Duration;

use mecha_config::runtime::AppProtocol;
use mecha_config::server::LogLevel;

pub use error::FlagError;

/// Who tells the runtime what runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Files and flags.
    #[default]
    Standalone,
    /// The control plane in a cluster; not in effect yet, flags and files are used all the same.
    Kubernetes,
}

/// What the arguments ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// To run.
    Run(Box<Flags>),
    /// `--version`.
    Version,
    /// `--build-info`.
    BuildInfo,
    /// `--wait`: to wait until the runtime with these flags says that it is ready for calls (at most 60 s).
    Wait(Box<Flags>),
    /// `--help`.
    Help,
}

/// The flags. Fields that are not named after their flag say which one it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Flags {
    /// `--mode`.
    pub mode: Mode,
    /// `--app-id`; empty when it is not given.
    pub app_id: String,
    /// `--app-port`; `None` = the application has no server.
    pub app_port: Option<u16>,
    /// `--app-protocol`, without the TLS of `https` and `grpcs`.
    pub app_protocol: AppProtocol,
    /// `--app-protocol=https|grpcs`, or `--app-ssl`: not in effect yet.
    pub app_tls: bool,
    /// `--app-channel-address`.
    pub app_address: String,
    /// `--app-max-concurrency`; `None` = no limit.
    pub app_max_concurrency: Option<u32>,
    /// `--dapr-http-port`.
    pub http_port: u16,
    /// `--dapr-grpc-port`.
    pub grpc_port: u16,
    /// `--dapr-internal-grpc-port`; `None` = a stable one of our choice.
    pub internal_port: Option<u16>,
    /// `--dapr-internal-grpc-listen-address`; empty = all.
    pub internal_address: String,
    /// `--dapr-listen-addresses`; empty = all.
    pub listen_addresses: Vec<String>,
    /// `--dapr-public-port`.
    pub public_port: Option<u16>,
    /// `--dapr-public-listen-address`; empty = all.
    pub public_address: String,
    /// `--profile-port`.
    pub profile_port: u16,
    /// `--enable-profiling`: not in effect yet.
    pub profiling: bool,
    /// `--metrics-port`.
    pub metrics_port: u16,
    /// `--metrics-listen-address`.
    pub metrics_address: String,
    /// `--enable-metrics`.
    pub metrics: bool,
    /// `--log-level`.
    pub log_level: LogLevel,
    /// `--log-as-json`.
    pub log_as_json: bool,
    /// `--resources-path`, in their order.
    pub resources: Vec<PathBuf>,
    /// `--components-path`: taken when there is no `--resources-path`.
    pub components: Option<PathBuf>,
    /// `--config`, in their order.
    pub config: Vec<PathBuf>,
    /// `--allowed-origins`.
    pub allowed_origins: Vec<String>,
    /// `--max-body-size` in bytes.
    pub max_body: usize,
    /// `--read-buffer-size` in bytes.
    pub max_head: usize,
    /// `--unix-domain-socket`: a folder.
    pub unix_folder: Option<PathBuf>,
    /// `--dapr-graceful-shutdown-seconds`.
    pub graceful_shutdown: Duration,
    /// `--dapr-block-shutdown-duration`.
    pub block_shutdown: Option<Duration>,
    /// `--enable-api-logging`; `None` = as the Configuration says.
    pub api_logging: Option<bool>,
    /// `--enable-app-health-check`.
    pub health_check: bool,
    /// `--app-health-check-path`.
    pub health_path: String,
    /// `--app-health-probe-interval`.
    pub health_interval: Duration,
    /// `--app-health-probe-timeout`.
    pub health_timeout: Duration,
    /// `--app-health-threshold`.
    pub health_threshold: u32,
    /// `config` is not in `--disable-init-endpoints`.
    pub init_config: bool,
    /// `subscribe` is not in `--disable-init-endpoints`.
    pub init_subscribe: bool,
    /// `--hot-reload-reconcile-interval`; zero was turned into the default of 60 s.
    pub reload_interval: Duration,
    later: Vec<String>,
}

impl Default for Flags {
    fn default() -> Self {
        Flags {
            mode: Mode::Standalone,
            app_id: String::new(),
            app_port: None,
            app_protocol: AppProtocol::Http,
            app_tls: false,
            app_address: "127.0.0.1".to_owned(),
            app_max_concurrency: None,
            http_port: 3500,
            grpc_port: 50001,
            internal_port: None,
            internal_address: String::new(),
            listen_addresses: Vec::new(),
            public_port: None,
            public_address: String::new(),
            profile_port: 7777,
            profiling: false,
            metrics_port: 9090,
            metrics_address: "0.0.0.0".to_owned(),
            metrics: true,
            log_level: LogLevel::Info,
            log_as_json: false,
            resources: Vec::new(),
            components: None,
            config: Vec::new(),
            allowed_origins: Vec::new(),
            max_body: value::MAX_BODY,
            max_head: value::MAX_HEAD,
            unix_folder: None,
            graceful_shutdown: value::GRACEFUL,
            block_shutdown: None,
            api_logging: None,
            health_check: false,
            health_path: "/healthz".to_owned(),
            health_interval: value::HEALTH_INTERVAL,
            health_timeout: value::HEALTH_TIMEOUT,
            health_threshold: value::HEALTH_THRESHOLD,
            init_config: true,
            init_subscribe: true,
            reload_interval: value::RELOAD_INTERVAL,
            later: Vec::new(),
        }
    }
}

impl Flags {
    /// The folders of resources: `--resources-path`, else `--components-path`.
    pub fn resource_folders(&self) -> Vec<PathBuf> {
        if self.resources.is_empty() {
            self.components.iter().cloned().collect()
        } else {
            self.resources.clone()
        }
    }

    /// The flags that were given and whose feature is not in effect yet, as they were written
    /// (`--enable-mtls`, `--mode kubernetes`), for the log. Those that ask for nothing (`--enable-mtls=false`) are left
    /// out.
    pub fn later(&self) -> Vec<String> {
        let mut later = self.later.clone();
        if self.mode == Mode::Kubernetes {
            later.push("--mode kubernetes".to_owned());
        }
        if self.app_tls {
            later.push("--app-protocol https|grpcs".to_owned());
        }
        if self.profiling {
            later.push("--enable-profiling".to_owned());
        }
        later
    }
}

#[cfg(test)]
mod tests;

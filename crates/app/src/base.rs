//! What a process has once, whatever is restarted inside it: its counters, its logs, and what is said of a panic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mecha_config::Config;
use mecha_config::runtime::{Apis, Endpoint, Runtime};
use mecha_config::server::{LogLevel, Server};
use mecha_metrics::{Registry, ServerStat};
use mecha_observe::{LogHandle, Logs};
use parking_lot::Mutex;

use crate::Options;
use crate::error::AppError;

/// How long the logs may take to write what is queued.
const LOG_LIMIT: Duration = Duration::from_secs(5);

/// What a process has once.
pub struct Base {
    pub(crate) workers: usize,
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: Logs,
    log: LogHandle,
    level: Option<LogLevel>,
    /// Whether the first configuration has a runtime.
    pub(crate) has_runtime: bool,
    /// Where the runtime's APIs listened last.
    apis: Mutex<Option<Apis>>,
}

impl Base {
    /// Opens the process' log as the configuration says. One a process.
    ///
    /// # Errors
    /// When the log can't be opened.
    pub fn new(config: &Config, options: &Options) -> Result<Self, AppError> {
        let server = &config.server;
        let workers = options.workers.or(server.workers).unwrap_or_else(mecha_base::cpu::available).max(1);
        let registry = Registry::new(workers);
        registry.set_version(options.version);
        registry.server().set(ServerStat::Workers, workers as u64);
        let logs = Logs::new(registry.clone(), server.log_roller.clone());
        let level = options.log_level;
        let server = Server { log_level: level.unwrap_or(server.log_level), ..server.clone() };
        let log = mecha_observe::log::init(&server, &logs)
            .map_err(|source| AppError::Log { what: "the process log".to_owned(), source })?;
        report_panics();
        allow_many_connections();
        Ok(Base {
            workers,
            registry,
            logs,
            log,
            level,
            has_runtime: config.runtime.is_some(),
            apis: Mutex::default(),
        })
    }

    /// Takes over what a configuration says of the log's level; its target and form stay.
    pub(crate) fn adopt(&self, config: &mut Config) {
        if let Some(level) = self.level {
            config.server.log_level = level;
        }
        self.log.set_level(config.server.log_level);
    }

    /// Puts the ports that the system chose into a configuration that leaves them open again: a restart in place keeps
    /// its addresses (reference 3.5), since the application knows no others. The internal one may change; callers learn
    /// it anew.
    pub(crate) fn keep_ports(&self, runtime: &mut Runtime) {
        let last = self.apis.lock();
        let Some(last) = last.as_ref() else { return };
        let apis = &mut runtime.apis;
        let endpoints = apis.http.iter_mut().zip(&last.http).chain(apis.grpc.iter_mut().zip(&last.grpc));
        for pair in endpoints {
            if let (Endpoint::Tcp(address), Endpoint::Tcp(last)) = pair {
                keep_port(address, *last);
            }
        }
        let addresses =
            apis.public.iter_mut().zip(&last.public).chain(apis.metrics.iter_mut().zip(&last.metrics));
        addresses.for_each(|(address, last)| keep_port(address, *last));
    }

    /// Notes where the APIs listen.
    pub(crate) fn note_ports(&self, runtime: &Runtime) {
        *self.apis.lock() = Some(runtime.apis.clone());
    }

    /// Writes out what is queued; nothing is logged after this.
    pub(crate) fn finish(&self) {
        for path in self.logs.shutdown(LOG_LIMIT) {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("mecha: the log {path} could not be finished in time\n"),
            );
        }
    }
}

fn keep_port(address: &mut SocketAddr, last: SocketAddr) {
    if address.port() == 0 && address.ip() == last.ip() {
        address.set_port(last.port());
    }
}

/// A panic ends one connection only; the log must say so, whoever reads standard error.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("{panic}; this is a fault of Mecha, the connection it happened on was closed");
    }));
}

/// A connection takes a file descriptor at each end; the soft limit is often only 1024.
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!("cannot raise the limit of open files: {error}");
        }
    }
}

//! From flags to a process with a runtime: what `daprd`, `run` and `start --app-id` have in common.

use std::process::ExitCode;
use std::sync::Arc;

use mecha_app::{Ended, Load, Notice, Options};
use mecha_config::server::{LogForm, LogTarget};
use mecha_config::{Config, Runtime, Server};
use mecha_config_dapr::{Environment, Flags};

use crate::drivers::DRIVERS;
use crate::failure::Failure;
use crate::version::VERSION;

/// The commit that the binary was built from, when the build says it.
pub(crate) const COMMIT: &str = match option_env!("MECHA_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// A runtime by Dapr's flags, with a proxy's configuration beside it or without.
pub(crate) struct Sidecar {
    flags: Flags,
    environment: Environment,
    /// What else the process runs.
    proxy: Option<Config>,
    /// What the caller adds.
    pub(crate) options: Options,
}

impl Sidecar {
    /// A runtime alone.
    pub(crate) fn new(flags: Flags, environment: Environment) -> Self {
        let options = Options { version: VERSION, drivers: DRIVERS, ..Options::default() };
        Sidecar { flags, environment, proxy: None, options }
    }

    /// A runtime beside what a MOSN configuration runs; the log is the configuration's.
    pub(crate) fn beside(self, proxy: Config) -> Self {
        Sidecar { proxy: Some(proxy), ..self }
    }

    /// Runs until it is told to end.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self.serve() {
            Ok(Ended::Cut) => Ok(ExitCode::FAILURE),
            Ok(Ended::Drained | Ended::Restart) => Ok(ExitCode::SUCCESS),
            Err(()) => Ok(ExitCode::FAILURE),
        }
    }

    /// Runs until it is told to end; the reason why it can't is in the log.
    pub(crate) fn serve(mut self) -> Result<Ended, ()> {
        let loaded = mecha_config_dapr::load(&self.flags, &self.environment);
        for found in &loaded.diagnostics.0 {
            if found.severity == mecha_config::Severity::Warning {
                self.options.notices.push(Notice::Warning(found.to_string()));
            }
        }
        let Some(runtime) = loaded.runtime else {
            let reason =
                loaded.diagnostics.has_errors().then(|| mecha_config_dapr::fatal(&loaded.diagnostics));
            let reason = reason.flatten().unwrap_or_default();
            let config = self.base();
            // What a flag says is no component's fault.
            let what = if reason.starts_with("--") { "" } else { "failed to load components: " };
            mecha_app::refuse(&config, &self.options, &format!("{what}{reason}"));
            return Err(());
        };
        self.announce(&runtime);
        self.options.watch = self.flags.resource_folders();
        self.options.watch.extend(self.flags.config.iter().cloned());
        let config = Config { runtime: Some(Box::new(runtime)), ..self.base() };
        let options = self.options.clone();
        let load: Load = Arc::new(move || {
            let loaded = mecha_config_dapr::load(&self.flags, &self.environment);
            let reason = mecha_config_dapr::fatal(&loaded.diagnostics).unwrap_or_default();
            match loaded.runtime {
                Some(runtime) => Ok(Config { runtime: Some(Box::new(runtime)), ..self.base() }),
                None => Err(reason),
            }
        });
        mecha_app::run_restarting(config, &options, &load).map_err(drop)
    }

    /// The process without the runtime: the proxy's configuration, or none with a log of Dapr's form.
    fn base(&self) -> Config {
        if let Some(proxy) = &self.proxy {
            return proxy.clone();
        }
        let server = Server {
            name: self.flags.app_id.clone(),
            log: LogTarget::Stdout,
            log_form: LogForm::Dapr {
                json: self.flags.log_as_json,
                app_id: self.flags.app_id.clone(),
                instance: instance(),
                version: VERSION.to_owned(),
            },
            log_level: self.flags.log_level,
            graceful_timeout: self.flags.graceful_shutdown,
            ..Server::default()
        };
        Config { server, ..Config::default() }
    }

    fn announce(&mut self, runtime: &Runtime) {
        let notices = &mut self.options.notices;
        notices.push(Notice::Info(format!("Starting Dapr Runtime -- version {VERSION} -- commit {COMMIT}")));
        notices.push(Notice::Info(format!("Log level set to: {}", level(&self.flags))));
        notices.push(Notice::Info(format!("app id: {}", runtime.identity.app_id)));
        for flag in self.flags.later() {
            notices
                .push(Notice::Warning(format!("{flag} is accepted and not in effect yet in this version")));
        }
        notices.push(Notice::Info("Actor runtime disabled".to_owned()));
        notices.push(Notice::Info("Scheduler disabled".to_owned()));
    }
}

fn level(flags: &Flags) -> &'static str {
    use mecha_config::server::LogLevel;
    match flags.log_level {
        LogLevel::Off => "off",
        LogLevel::Fatal => "fatal",
        LogLevel::Error => "error",
        LogLevel::Warn => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug | LogLevel::Trace => "debug",
    }
}

/// The host's name.
fn instance() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether nobody listens on a port of this host yet.
pub(crate) fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

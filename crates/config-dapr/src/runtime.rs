//! Flags and environment into the model of a runtime that has no resources and default settings yet.

use std::net::SocketAddr;
use std::path::PathBuf;

use mecha_config::Diagnostics;
use mecha_config::runtime::{
    Apis, App, Endpoint, HealthCheck, Identity, Process, Resources, Runtime, Settings,
};

use crate::address::{self, error};
use crate::environment::{self, Environment};
use crate::flags::Flags;
use crate::port;

/// What the flags and the environment say, checked. Fails with every problem there is.
pub fn runtime(flags: &Flags, env: &Environment) -> Result<Runtime, Diagnostics> {
    let mut found = Diagnostics::default();
    check_identity(flags, env, &mut found);
    let runtime = Runtime {
        identity: identity(flags, env),
        app: app(flags, env, &mut found),
        apis: apis(flags, env, &mut found),
        process: process(flags, env),
        settings: Settings::default(),
        resources: Resources::default(),
    };
    if found.has_errors() { Err(found) } else { Ok(runtime) }
}

/// Whom the runtime serves.
pub(crate) fn identity(flags: &Flags, env: &Environment) -> Identity {
    Identity { app_id: flags.app_id.clone(), namespace: env.namespace(), pod: env.pod() }
}

fn check_identity(flags: &Flags, env: &Environment, found: &mut Diagnostics) {
    if flags.app_id.is_empty() {
        let message = "app-id is required".to_owned();
        found.0.push(error("--app-id", message, "name the application: --app-id orders"));
    } else if flags.app_id.contains('.') {
        // A dot parts an app id from its namespace.
        let message = format!("\"{}\" contains a dot, which an app id can't", flags.app_id);
        found.0.push(error("--app-id", message, "write for example a dash instead"));
    } else if flags.app_id.contains(|c: char| c.is_whitespace() || c.is_control() || "/|?#%".contains(c)) {
        let message = format!("{:?} contains a character that an app id can't", flags.app_id);
        found.0.push(error("--app-id", message, "use letters, digits, dashes and underscores"));
    }
    if let Some(text) = env.get(environment::HOST_IP).filter(|_| env.host_ip().is_none()) {
        let message = format!("\"{text}\" is not an IP address");
        found.0.push(error(
            environment::HOST_IP,
            message,
            "unset it, or give the address others reach this host at",
        ));
    }
}

fn app(flags: &Flags, env: &Environment, found: &mut Diagnostics) -> App {
    let health = HealthCheck {
        path: with_slash(&flags.health_path),
        interval: flags.health_interval,
        timeout: flags.health_timeout,
        threshold: flags.health_threshold,
    };
    if flags.health_check && health.timeout > health.interval {
        let message = "is longer than --app-health-probe-interval".to_owned();
        found.0.push(error(
            "--app-health-probe-timeout",
            message,
            "an answer must come before the next probe",
        ));
    }
    App {
        port: flags.app_port,
        address: flags.app_address.clone(),
        protocol: flags.app_protocol,
        max_concurrency: flags.app_max_concurrency,
        health: flags.health_check.then_some(health),
        token: env.app_token(),
        init_config: flags.init_config,
        init_subscribe: flags.init_subscribe,
    }
}

fn apis(flags: &Flags, env: &Environment, found: &mut Diagnostics) -> Apis {
    const LISTEN: &str = "--dapr-listen-addresses";
    let hosts = || {
        let everywhere = flags.listen_addresses.is_empty().then_some("");
        everywhere.into_iter().chain(flags.listen_addresses.iter().map(String::as_str))
    };
    let api = |port: u16, name: &str, found: &mut Diagnostics| match &flags.unix_folder {
        Some(folder) => vec![Endpoint::Unix(folder.join(format!("dapr-{}-{name}.socket", flags.app_id)))],
        None => address::resolve(hosts(), port, LISTEN, found).into_iter().map(Endpoint::Tcp).collect(),
    };
    let one = |host: &str, port: Option<u16>, flag: &str, found: &mut Diagnostics| -> Vec<SocketAddr> {
        port.map(|port| address::resolve([host], port, flag, found)).unwrap_or_default()
    };
    let internal = flags.internal_port.unwrap_or_else(|| stable_port(&flags.app_id));
    let profile = flags.profiling.then_some(flags.profile_port);
    let apis = Apis {
        http: api(flags.http_port, "http", found),
        // A bad address was said once already.
        grpc: api(flags.grpc_port, "grpc", &mut Diagnostics::default()),
        internal: one(&flags.internal_address, Some(internal), "--dapr-internal-grpc-listen-address", found),
        internal_may_move: flags.internal_port.is_none(),
        public: one(&flags.public_address, flags.public_port, "--dapr-public-listen-address", found),
        metrics: one(
            &flags.metrics_address,
            flags.metrics.then_some(flags.metrics_port),
            "--metrics-listen-address",
            found,
        ),
        profile: profile
            .map(|port| address::resolve(hosts(), port, LISTEN, &mut Diagnostics::default()))
            .unwrap_or_default(),
        token: env.api_token(),
        max_body: flags.max_body,
        max_head: flags.max_head,
        allowed_origins: flags.allowed_origins.clone(),
        h2c: env.h2c(),
        log_calls: flags.api_logging,
    };
    check_ports(flags, found);
    apis
}

/// The servers that usually share an address can't share a port; the system chooses others for those that are 0.
fn check_ports(flags: &Flags, found: &mut Diagnostics) {
    let tcp = flags.unix_folder.is_none();
    let mut taken: Vec<(&str, u16)> = Vec::new();
    let ports = [
        (
            "--app-port",
            flags.app_port.filter(|_| matches!(flags.app_address.as_str(), "127.0.0.1" | "localhost")),
        ),
        ("--dapr-http-port", tcp.then_some(flags.http_port)),
        ("--dapr-grpc-port", tcp.then_some(flags.grpc_port)),
        ("--dapr-internal-grpc-port", flags.internal_port),
    ];
    for (flag, port) in ports {
        let Some(port) = port.filter(|port| *port != 0) else { continue };
        match taken.iter().find(|(_, other)| *other == port) {
            Some((other, _)) => {
                let message = format!("port {port} is that of {other} too");
                found.0.push(error(flag, message, "give each server a port of its own"));
            }
            None => taken.push((flag, port)),
        }
    }
}

fn process(flags: &Flags, env: &Environment) -> Process {
    Process {
        resources: flags.resource_folders(),
        data: env.data(&flags.app_id),
        graceful_timeout: flags.graceful_shutdown,
        block_shutdown: flags.block_shutdown,
        reload_interval: flags.reload_interval,
        env_keys: env.env_keys(),
        host_ip: env.host_ip(),
        ..Process::default()
    }
}

fn stable_port(app_id: &str) -> u16 {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::new());
    let user = rustix::process::getuid().as_raw();
    let host = rustix::system::uname();
    port::stable(app_id, &folder, user, &host.nodename().to_string_lossy())
}

fn with_slash(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests;

//! The model: the one validated description of what runs. Every front end (MOSN files, later xDS and
//! others) converts into it; running code sees nothing else. Plain data: no I/O, no policy.

pub mod access_log;
pub mod admin;
pub mod cluster;
pub mod diagnostic;
pub mod discovery;
pub mod filter;
pub mod listener;
pub mod proxy;
pub mod route;
pub mod runtime;
pub mod server;
pub mod validate;

pub use access_log::AccessLog;
pub use admin::Admin;
pub use cluster::{Cluster, Host, Keepalive, LbPolicy, PoolMode, Speaks};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use discovery::Discovery;
pub use filter::StreamFilter;
pub use listener::{FilterChain, Listener, ListenerAddress, NetworkFilter, Traffic};
pub use proxy::{HttpProxy, Protocol, Protocols, TcpProxy};
pub use route::{Action, Route, Router, VirtualHost};
pub use runtime::Runtime;
pub use server::Server;

/// Everything that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The process: name, log, workers, shutdown.
    pub server: Server,
    /// The doors.
    pub listeners: Vec<Listener>,
    /// Route tables, by name.
    pub routers: Vec<Router>,
    /// Groups of upstream hosts, by name.
    pub clusters: Vec<Cluster>,
    /// The admin API; absent when none is configured.
    pub admin: Option<Admin>,
    /// The application runtime; absent when the process is a proxy only.
    pub runtime: Option<Box<runtime::Runtime>>,
}

//! The application runtime: whom it serves, where its APIs listen, its components and what holds for them. Front ends
//! (flags and resource files of Dapr) convert into this; the facts are in Dapr's reference, sections 3.1 to 3.4.

pub mod component;
pub mod resiliency;
pub mod settings;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use component::{Component, Property, PropertySource, ResourceKind, Subscription, SubscriptionRule};
pub use resiliency::Resiliency;
pub use settings::Settings;

/// The door to the runtime's own application: listener, router and cluster of this name.
pub const APP_DOOR: &str = "dapr.app";
/// The door to other applications and foreign services: listener and router of this name.
pub const INVOKE_DOOR: &str = "dapr.invoke";

/// Everything about the runtime of one application. The default is what daprd does without a flag, where a flag says so
/// (reference 3.1), with addresses of nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runtime {
    /// Whom it serves.
    pub identity: Identity,
    /// The application's own server.
    pub app: App,
    /// Where its APIs listen.
    pub apis: Apis,
    /// Limits and behaviour of the process.
    pub process: Process,
    /// The Configuration resource.
    pub settings: Settings,
    /// What was loaded from the resource files, in the order of loading.
    pub resources: Resources,
}

/// Whom the runtime serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The application's id; never empty.
    pub app_id: String,
    /// Its namespace; empty when there is none.
    pub namespace: String,
    /// `POD_NAME`; empty when there is none.
    pub pod: String,
}

/// The application's own server.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// Its port; `None` = it has no server.
    pub port: Option<u16>,
    /// Where: an IP address or a name.
    pub address: String,
    /// What it speaks.
    pub protocol: AppProtocol,
    /// Most calls to it at once; `None` = unlimited. Those beyond wait.
    pub max_concurrency: Option<u32>,
    /// Probes of its health; `None` = it counts as healthy when it listens.
    pub health: Option<HealthCheck>,
    /// `APP_API_TOKEN`: sent with every call to it.
    pub token: Option<String>,
    /// `GET /dapr/config` is asked.
    pub init_config: bool,
    /// `GET /dapr/subscribe` is asked.
    pub init_subscribe: bool,
}

impl Default for App {
    fn default() -> Self {
        App {
            port: None,
            address: "127.0.0.1".to_owned(),
            protocol: AppProtocol::default(),
            max_concurrency: None,
            health: None,
            token: None,
            init_config: true,
            init_subscribe: true,
        }
    }
}

/// What an application speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/2 without TLS.
    H2c,
    /// gRPC without TLS.
    Grpc,
}

impl AppProtocol {
    /// As the flag writes it.
    pub const fn name(self) -> &'static str {
        match self {
            AppProtocol::Http => "http",
            AppProtocol::H2c => "h2c",
            AppProtocol::Grpc => "grpc",
        }
    }

    /// Whether it is called by gRPC.
    pub const fn is_grpc(self) -> bool {
        matches!(self, AppProtocol::Grpc)
    }
}

/// Probes of the application's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that HTTP applications are asked by.
    pub path: String,
    /// From one probe to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Failures in a row after which it counts as unhealthy.
    pub threshold: u32,
}

/// Where the APIs listen. Port 0 lets the system choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Apis {
    /// The HTTP API.
    pub http: Vec<Endpoint>,
    /// The gRPC API.
    pub grpc: Vec<Endpoint>,
    /// What other runtimes call.
    pub internal: Vec<SocketAddr>,
    /// Nobody chose the port of `internal`: when it is taken another does as well, since callers learn it by name
    /// resolution.
    pub internal_may_move: bool,
    /// Health and metadata only; usually none.
    pub public: Vec<SocketAddr>,
    /// Prometheus metrics; usually one.
    pub metrics: Vec<SocketAddr>,
    /// Profiles; usually none.
    pub profile: Vec<SocketAddr>,
    /// `DAPR_API_TOKEN`: callers must send it.
    pub token: Option<String>,
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Largest request head in bytes.
    pub max_head: usize,
    /// Origins that browsers may call from; empty = none, `*` = all.
    pub allowed_origins: Vec<String>,
    /// The HTTP API also speaks HTTP/2 without TLS (`DAPR_HTTP_DISABLE_H2C` unset).
    pub h2c: bool,
    /// `--enable-api-logging`; `None` = as the settings say.
    pub log_calls: Option<bool>,
}

impl Default for Apis {
    fn default() -> Self {
        Apis {
            http: Vec::new(),
            grpc: Vec::new(),
            internal: Vec::new(),
            internal_may_move: false,
            public: Vec::new(),
            metrics: Vec::new(),
            profile: Vec::new(),
            token: None,
            max_body: 4 << 20,
            max_head: 4 << 10,
            allowed_origins: Vec::new(),
            h2c: true,
            log_calls: None,
        }
    }
}

/// Where an API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

/// Limits and behaviour of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Folders that resources are loaded from, and watched.
    pub resources: Vec<PathBuf>,
    /// The folder of embedded drivers.
    pub data: PathBuf,
    /// How long the end may take.
    pub graceful_timeout: Duration,
    /// APIs stay open so long after the end was asked for, or until the application is unhealthy.
    pub block_shutdown: Option<Duration>,
    /// How often resources are read again even without a notice that they changed.
    pub reload_interval: Duration,
    /// What the environment variables of `envRef` may be: `None` = all but those that begin with `DAPR_`, and
    /// `APP_API_TOKEN`.
    pub env_keys: Option<Vec<String>>,
    /// Static name resolution: app ids (`orders` or `orders.namespace`) and the addresses of their internal servers.
    pub static_names: BTreeMap<String, Vec<String>>,
    /// `DAPR_HOST_IP`: the address that others find this runtime at; `None` = that of the host's own interfaces.
    pub host_ip: Option<IpAddr>,
    /// The version that is reported.
    pub version: String,
}

impl Default for Process {
    fn default() -> Self {
        Process {
            resources: Vec::new(),
            data: PathBuf::new(),
            graceful_timeout: Duration::from_secs(5),
            block_shutdown: None,
            reload_interval: Duration::from_secs(60),
            env_keys: None,
            static_names: BTreeMap::new(),
            host_ip: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What was loaded from the resource files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Components.
    pub components: Vec<Component>,
    /// Subscriptions that files declare.
    pub subscriptions: Vec<Subscription>,
    /// Resiliency policies, each resource by itself.
    pub resiliency: Vec<Resiliency>,
    /// Foreign HTTP services.
    pub endpoints: Vec<HttpEndpoint>,
}

/// A foreign HTTP service that is called by name.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpEndpoint {
    /// Its name.
    pub name: String,
    /// `http://host:port/path`.
    pub base_url: String,
    /// Headers that every call gets.
    pub headers: Vec<Property>,
    /// The secret store that headers refer to.
    pub secret_store: Option<String>,
}

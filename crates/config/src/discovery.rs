//! Where the hosts of a cluster come from when a registry knows them: providers write themselves down there and are
//! gone when they end (MOSN reference 1.8 `spec`, 1.10).

/// A registry and what is looked up in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where to look.
    pub registry: Registry,
    /// The service's interface.
    pub service: String,
    /// Only providers of this group; `None` = of any.
    pub group: Option<String>,
    /// Only providers of this version; `None` = of any.
    pub version: Option<String>,
}

/// A registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registry {
    /// ZooKeeper, as Dubbo uses it.
    ZooKeeper(ZooKeeper),
}

/// A ZooKeeper ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZooKeeper {
    /// Its servers: `host:port`, separated by commas.
    pub servers: String,
    /// The node that Dubbo keeps its services in, without slashes around it.
    pub root: String,
    /// The user and password of a `digest` login.
    pub login: Option<(String, String)>,
}

impl Registry {
    /// The schemes by which a subscription names a registry.
    pub const SCHEMES: [&str; 1] = ["zookeeper"];
}

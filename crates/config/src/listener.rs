//! Listeners: where traffic comes in, and the chain it passes (MOSN reference 1.3, 1.4).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::access_log::AccessLog;
use crate::filter::StreamFilter;
use crate::proxy::{HttpProxy, TcpProxy};

/// A door.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Unique; the address when the configuration gives none.
    pub name: String,
    /// Which way the traffic flows, as the configuration declares it.
    pub traffic: Option<Traffic>,
    /// Where it listens.
    pub address: ListenerAddress,
    /// `false`: no socket of its own; reached only by a hand-over from a listener that knows original destinations.
    pub bind: bool,
    /// One line per request each.
    pub access_logs: Vec<AccessLog>,
    /// What happens to a connection's bytes.
    pub chain: FilterChain,
    /// What looks at its requests, in order.
    pub stream_filters: Vec<StreamFilter>,
    /// `connection_idle_timeout`: how long a connection with no request in flight may stay open; `None` = for ever.
    pub idle_timeout: Option<Duration>,
    /// `inspector`: peek at the first byte to tell TLS from plaintext.
    pub inspect_tls: bool,
    /// `default_read_buffer_size` in bytes: the first buffer of a connection.
    pub read_buffer: usize,
}

/// Whether a listener takes traffic for the application or from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// To the application.
    Ingress,
    /// From the application.
    Egress,
}

/// A socket address a listener can have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenerAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

/// As MOSN writes it: `ip:port` or `unix:path`.
impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenerAddress::Tcp(address) => address.fmt(f),
            ListenerAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The network filters of a listener, in order. All but the last only ever pass a connection on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterChain {
    /// At least one.
    pub filters: Vec<NetworkFilter>,
}

/// What a connection's bytes are handed to.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkFilter {
    /// `proxy`: requests and responses.
    Http(HttpProxy),
    /// `tcp_proxy`: bytes.
    Tcp(TcpProxy),
}

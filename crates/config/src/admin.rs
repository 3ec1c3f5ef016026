//! The admin API's own door.

use std::net::SocketAddr;

/// Where the admin API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Loopback unless the configuration says otherwise.
    pub address: SocketAddr,
}

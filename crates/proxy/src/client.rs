//! What is known of a client's connection.

use mecha_net::Address;

/// A client's connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Unique in this process.
    pub(crate) id: u64,
    /// Our end.
    pub(crate) local: Option<Address>,
    /// The client's end.
    pub(crate) remote: Address,
}

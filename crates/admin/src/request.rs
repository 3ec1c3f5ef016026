//! A request to the admin API, read whole.

use bytes::Bytes;

use crate::query::Query;

/// What an endpoint gets to see.
pub(crate) struct Request {
    /// Decoded.
    pub(crate) query: Query,
    /// At most [`MAX_BODY`](crate::server::MAX_BODY) bytes; empty where the endpoint takes none.
    pub(crate) body: Bytes,
}

impl Request {
    /// The body as text without white space around it: `curl -d @file` brings a line feed along.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok().map(str::trim)
    }
}

//! Heads and bodies, whatever the wire: the types that routing, filters and the exchange see, and the
//! connections that carry them over HTTP/1 (own codec) and HTTP/2 (`h2`), or inside the process.

pub mod body;
pub mod call;
pub mod dapr;
pub mod head;
pub mod headers;
pub mod http1;
pub mod http2;
pub mod local;

pub use body::{Frame, Length};
pub use call::Call;
pub use head::{Method, RequestHead, ResponseHead, StatusCode, Version};
pub use headers::{HeaderId, Headers, InvalidField};

#[cfg(test)]
mod tests;

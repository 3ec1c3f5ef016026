//! HTTP messages as the runtimes of applications send them to each other (Dapr reference 2.4), and back: `codec` has the
//! messages, here is what they mean in HTTP. The exchange calls by it, the internal server answers by it.

pub mod answer;
mod call;
mod fields;
mod request;
mod response;

pub use call::{LONGEST, ResponseReader};
pub use request::{request_from, request_to};
pub use response::{response_from, response_to};

/// The header field that carries `Any.type_url` of a body inside this process.
pub const TYPE_URL: &str = "x-mecha-type-url";

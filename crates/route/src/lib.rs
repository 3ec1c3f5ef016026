//! Routing: which virtual host and route a request belongs to, what is done with it, and how its head is changed
//! on the way (MOSN reference 1.7). Pure and immutable: a table is built from the model off the request path, shared
//! by all workers, and asked once per request without allocating.

pub mod domain;
pub mod entry;
pub mod explain;
pub mod forward;
mod index;
pub mod local;
mod matcher;
pub mod rewrite;
mod rules;
pub mod table;
mod template;
pub mod variables;
pub mod virtual_host;

pub use domain::DomainMatch;
pub use entry::{RouteAction, RouteEntry};
pub use explain::Explanation;
pub use forward::ForwardPlan;
pub use local::{DirectReply, RedirectPlan};
pub use matcher::header_fits;
pub use table::{Matched, RouteTable};
pub use variables::Vars;
pub use virtual_host::VirtualHostEntry;

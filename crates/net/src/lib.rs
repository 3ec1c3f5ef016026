//! Sockets: listeners that every worker opens for itself, streams of either kind behind one type, and
//! the two-way copy. TLS will be one more kind of [`Stream`].

pub mod address;
pub mod buffer;
pub mod copy;
pub mod listener;
pub mod output;
pub mod stream;

pub use address::Address;
pub use listener::Listener;
pub use output::Output;
pub use stream::Stream;

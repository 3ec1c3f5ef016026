//! `state.mecha` and `pubsub.mecha`: a durable state store and a durable broker inside the process, with nothing to
//! install. Both keep what they store in one directory and share its engine ([`settings`] has the properties).
//!
//! The engine is a log of our own in front of redb. redb alone syncs, and rewrites the path to the root, for every
//! commit, and needs a core to itself for what is asked here (24,000 sets a second at 32 a commit, on the machine where
//! crates were compared); fjall is two to four times faster but wants far more memory and space than the whole process
//! may have; a log with an index in memory alone grows with the number of keys, and so does its start. So a commit is one
//! sequential write and one sync, shared by all who wait, a few MiB of memory hold what is newer than the file, and redb
//! takes it thousands of changes at a time, sorted, off everybody's path. What is overwritten, or published and consumed,
//! within that time never reaches it. What redb is good at stays its work: order, snapshots for readers, free space.

mod engine;
pub mod pubsub;
pub mod settings;
pub mod state;
#[cfg(test)]
mod testing;

pub use pubsub::{MechaPubSub, PUBSUB};
pub use state::{MechaState, STATE};

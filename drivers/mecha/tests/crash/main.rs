//! What is acknowledged is there, whatever happens to the process: it is killed a hundred times under load, it runs out of
//! disk, another one has its directory. The process is this test binary, started again for one ignored test.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed assertion is a panic"
)]

mod child;
mod full;
mod kill;
mod support;

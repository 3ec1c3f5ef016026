//! What is acknowledged is there, whatever happens to the process: it is killed a hundred times under load, it runs out of
//! disk, another one has its directory. The process is this test binary, started again for one ignored test.

#[path = "crash/child.rs"]
mod child;
#[path = "crash/full.rs"]
mod full;
#[path = "crash/kill.rs"]
mod kill;
#[path = "crash/support.rs"]
mod support;

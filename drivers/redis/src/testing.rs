//! Real servers for the tests: each on a port and in a folder of its own, gone when the test is. What they hold is looked
//! at with `redis-cli`.

mod cluster;
mod sentinel;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use mecha_component::{Context, Properties};

pub(crate) use self::cluster::Cluster;
pub(crate) use self::sentinel::Sentinel;
pub(crate) use self::server::Server;

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a driver gets beside its properties.
pub(crate) fn context() -> Context {
    Context {
        name: "redis".to_owned(),
        app_id: "app".to_owned(),
        namespace: String::new(),
        tasks: tokio::runtime::Handle::current(),
        data: PathBuf::new(),
    }
}

pub(crate) fn properties(host: &str, more: &[(&str, &str)]) -> Properties {
    [("redisHost", host)].into_iter().chain(more.iter().copied()).collect()
}

/// Waits until `holds` answers true.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

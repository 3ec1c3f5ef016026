//! ZooKeeper, as Dubbo uses it: `/<root>/<interface>/providers` has a child for each provider, ephemeral, so that it
//! goes with the provider's session. The children are watched; the watch is set again with every look, so no change
//! between two is missed.

use std::time::Duration;

use mecha_config::Speaks;
use mecha_config::discovery::{Discovery, ZooKeeper};
use tokio::time::sleep;
use zookeeper_client::{Client, Error};

use super::Found;
use super::provider;

/// How long a session may be silent before ZooKeeper ends it.
const SESSION: Duration = Duration::from_secs(15);
/// How long a look may take before the server is given up.
const CONNECT: Duration = Duration::from_secs(5);
/// The pause after a failure, and the longest one.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Most providers of one service; more are left out, with a warning.
const MOST: usize = 10_000;

/// Follows the providers of a service, for ever.
pub(super) async fn follow(
    cluster: &str,
    settings: &ZooKeeper,
    wanted: &Discovery,
    speaks: Option<Speaks>,
    found: &mut (impl FnMut(Found) + Send),
) {
    let mut pause = PAUSE;
    loop {
        let mut heard = false;
        let told = |hosts: Found| {
            heard = true;
            found(hosts);
        };
        let failed = watch(cluster, settings, wanted, speaks, told).await;
        if heard {
            pause = PAUSE;
        }
        tracing::warn!(
            "cluster {cluster}: ZooKeeper {} is asked again in {pause:?}: {failed}; the hosts stay as they are",
            settings.servers
        );
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Follows the providers for as long as one session lasts; how it ended.
async fn watch(
    cluster: &str,
    settings: &ZooKeeper,
    wanted: &Discovery,
    speaks: Option<Speaks>,
    mut found: impl FnMut(Found),
) -> Error {
    let connecting = async {
        let mut connector = Client::connector();
        connector = connector.with_session_timeout(SESSION).with_connection_timeout(CONNECT);
        if let Some((user, password)) = &settings.login {
            connector = connector.with_auth("digest", format!("{user}:{password}").as_bytes());
        }
        connector.connect(&settings.servers).await
    };
    let client = match connecting.await {
        Ok(client) => client,
        Err(error) => return error,
    };
    let path = format!("/{}/{}/providers", settings.root, wanted.service);
    let mut known = None;
    loop {
        let (children, watcher) = match look(&client, &path).await {
            Ok(looked) => looked,
            Err(error) => return error,
        };
        let mut children = children.unwrap_or_default();
        children.sort_unstable();
        if children.len() > MOST {
            tracing::warn!("cluster {cluster}: {} providers at {path}; {MOST} are used", children.len());
            children.truncate(MOST);
        }
        if known.as_ref() != Some(&children) {
            let hosts: Found =
                children.iter().filter_map(|child| provider::host(child, wanted, speaks)).collect();
            tracing::info!("cluster {cluster}: ZooKeeper knows {} hosts at {path}", hosts.len());
            found(hosts);
            known = Some(children);
        }
        let event = watcher.changed().await;
        if event.event_type == zookeeper_client::EventType::Session && event.session_state.is_terminated() {
            return Error::SessionExpired;
        }
    }
}

/// The children, and what tells of the next change; without children when nobody has ever provided the service.
async fn look(
    client: &Client,
    path: &str,
) -> Result<(Option<Vec<String>>, zookeeper_client::OneshotWatcher), Error> {
    loop {
        match client.list_and_watch_children(path).await {
            Ok((children, watcher)) => return Ok((Some(children), watcher)),
            Err(Error::NoNode) => {}
            Err(error) => return Err(error),
        }
        let (stat, watcher) = client.check_and_watch_stat(path).await?;
        // It may have come in between.
        if stat.is_none() {
            return Ok((None, watcher));
        }
    }
}

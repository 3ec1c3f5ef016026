//! `tcp_proxy`: a cluster for the whole connection, bytes both ways.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;
use bytestring::ByteString;
use mecha_base::{Error, Kind, ResponseFlags, Result};
use mecha_cluster::{Cluster, ConnectionGuard, Host, PickState};
use mecha_config::TcpProxy;
use mecha_config::proxy::TcpRoute;
use mecha_metrics::{DownstreamStat, UpstreamStat};
use mecha_net::copy::{Copy, End};
use mecha_net::{Address, Stream};
use tokio::time::Instant;

use crate::access::AccessRecord;
use crate::client::Client;
use crate::listener::Door;
use crate::upstream::{UpstreamMetrics, connect};
use crate::worker::Slot;

/// Hosts that are tried when the configuration does not say (reference 1.5).
const CONNECT_ATTEMPTS: u32 = 3;

/// The upstream half of a connection.
struct Upstream {
    stream: Stream,
    host: Arc<Host>,
    cluster: Arc<Cluster>,
    metrics: Option<UpstreamMetrics>,
    guard: ConnectionGuard,
}

/// How a connection went, for the log.
struct Story {
    start: Instant,
    wall: SystemTime,
    moved: (u64, u64),
    flags: ResponseFlags,
    failure: &'static str,
}

/// Serves a connection to its end. `prefix` was read already.
pub(super) async fn serve(
    door: &Arc<Door>,
    client: &Client,
    proxy: &TcpProxy,
    mut stream: Stream,
    prefix: BytesMut,
    slot: &mut Slot,
) {
    let mut story = Story {
        start: Instant::now(),
        wall: SystemTime::now(),
        moved: (0, 0),
        flags: ResponseFlags::NONE,
        failure: "",
    };
    match open(door, client, proxy).await {
        Ok(mut upstream) => {
            copy(door, proxy, &mut stream, &mut upstream, prefix, slot, &mut story).await;
            log(door, client, Some(&upstream), &story);
            close(upstream);
        }
        Err(error) => {
            tracing::debug!(connection = client.id, %error, "no upstream for a TCP connection");
            story.flags |= error.kind().flag();
            story.failure = error.kind().describe();
            log(door, client, None, &story);
            // The client must not take this for an orderly end.
            stream.abort_on_close();
        }
    }
}

async fn open(door: &Door, client: &Client, proxy: &TcpProxy) -> Result<Upstream> {
    let name =
        choose(proxy, client).ok_or_else(|| Error::local(Kind::NoRoute, "no tcp_proxy route matches"))?;
    let snapshot = door.worker.snapshot();
    let cluster =
        snapshot.clusters().get(name).ok_or_else(|| Error::local(Kind::NoCluster, name.to_owned()))?;
    let attempts =
        if proxy.max_connect_attempts == 0 { CONNECT_ATTEMPTS } else { proxy.max_connect_attempts };
    let attempts = attempts.min(u32::try_from(cluster.hosts().len()).unwrap_or(u32::MAX)).max(1);
    let mut pick = PickState::new(door.worker.fork_rng());
    let mut last = Error::local(Kind::NoHealthyHost, name.to_owned());
    for _ in 0..attempts {
        let Some(host) = cluster.pick(&mut pick) else { return Err(last) };
        match dial(door, cluster, host).await {
            Ok(upstream) => return Ok(upstream),
            Err(error) if error.kind() == Kind::Overflow => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn dial(door: &Door, cluster: &Arc<Cluster>, host: &Arc<Host>) -> Result<Upstream> {
    let metrics = door.worker.pools().metrics(cluster, host);
    let count = |stat| {
        if let Some(metrics) = &metrics {
            metrics.inc(stat);
        }
    };
    let Some(guard) = host.try_connection(cluster) else {
        count(UpstreamStat::ConnectionOverflow);
        return Err(Error::local(Kind::Overflow, "max_connections of the cluster"));
    };
    count(UpstreamStat::ConnectionTotal);
    match connect(&host.address, cluster.connect_timeout).await {
        Ok(stream) => {
            count(UpstreamStat::ConnectionActive);
            Ok(Upstream { stream, host: host.clone(), cluster: cluster.clone(), metrics, guard })
        }
        Err(error) => {
            count(UpstreamStat::ConnectionConFail);
            door.worker.pools().report_unreachable(cluster, host, &error);
            Err(error)
        }
    }
}

async fn copy(
    door: &Door,
    proxy: &TcpProxy,
    stream: &mut Stream,
    upstream: &mut Upstream,
    prefix: BytesMut,
    slot: &mut Slot,
    story: &mut Story,
) {
    let read_ahead = prefix.len() as u64;
    let mut copy = Copy::new(prefix, proxy.idle_timeout);
    let end = poll_fn(|cx| {
        slot.register(cx);
        let ended = copy.poll(cx, stream, &mut upstream.stream);
        let moved = copy.moved();
        let step = (moved.0 - story.moved.0, moved.1 - story.moved.1);
        story.moved = moved;
        door.traffic(step);
        if let Some(metrics) = &upstream.metrics {
            metrics.traffic((step.1, step.0));
        }
        ended
    })
    .await;
    debug_assert!(story.moved.0 >= read_ahead || end != End::Closed);
    match end {
        End::Closed => {}
        End::Idle => door.inc(DownstreamStat::IdleTimeout),
        // What one side cut, the other must not take for an orderly end.
        End::FirstFailed => upstream.stream.abort_on_close(),
        End::SecondFailed => {
            story.flags |= ResponseFlags::UPSTREAM_REMOTE_RESET;
            story.failure = "upstream reset the connection";
            stream.abort_on_close();
        }
    }
}

fn close(upstream: Upstream) {
    if let Some(metrics) = &upstream.metrics {
        metrics.inc(UpstreamStat::ConnectionClose);
        metrics.dec(UpstreamStat::ConnectionActive);
    }
    drop(upstream.stream);
    drop(upstream.guard);
}

/// The cluster of a connection: the configured one, or the first route's that matches.
fn choose<'a>(proxy: &'a TcpProxy, client: &Client) -> Option<&'a str> {
    if let Some(cluster) = &proxy.cluster {
        return Some(cluster);
    }
    proxy.routes.iter().find(|route| matches(route, client)).map(|route| route.cluster.as_str())
}

/// All four lists must hold; an empty one never does (reference 1.5).
fn matches(route: &TcpRoute, client: &Client) -> bool {
    let (Some(local), remote) = (&client.local, &client.remote) else { return false };
    let (Address::Tcp(local), Address::Tcp(remote)) = (local, remote) else { return false };
    route.source.iter().any(|block| block.contains(remote.ip()))
        && route.destination.iter().any(|block| block.contains(local.ip()))
        && route.source_ports.iter().any(|ports| ports.contains(remote.port()))
        && route.destination_ports.iter().any(|ports| ports.contains(local.port()))
}

fn log(door: &Door, client: &Client, upstream: Option<&Upstream>, story: &Story) {
    if !door.has_logs() {
        return;
    }
    let wanted = door.captures().map(|captures| captures.request.len() + captures.response.len());
    for (at, captured) in wanted.enumerate() {
        let record = AccessRecord {
            origin: door.listener.origin.clone(),
            start: story.wall,
            request_received: None,
            response_received: None,
            duration: story.start.elapsed(),
            process_time: std::time::Duration::ZERO,
            bytes_sent: story.moved.1,
            bytes_received: story.moved.0,
            protocol: "TCP",
            response_code: 0,
            flags: story.flags,
            connection_id: client.id,
            upstream_connection_id: 0,
            downstream_local: client.local.clone(),
            downstream_remote: Some(client.remote.clone()),
            upstream_local: upstream.and_then(|upstream| upstream.stream.local_address()),
            upstream_host: upstream.map(|upstream| upstream.host.name.clone()),
            upstream_cluster: upstream.map(|upstream| upstream.cluster.name.clone()),
            upstream_failure: story.failure,
            retries: 0,
            method: None,
            authority: ByteString::new(),
            target: ByteString::new(),
            called: None,
            captured: vec![None; captured],
        };
        door.log(at, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mecha_config::proxy::{Cidr, PortRange};

    fn client(remote: &str, local: &str) -> Client {
        let address = |text: &str| Address::Tcp(text.parse().unwrap());
        Client { id: 1, local: Some(address(local)), remote: address(remote) }
    }

    fn route(cluster: &str, block: &str, last: u16) -> TcpRoute {
        let block = Cidr { address: block.parse().unwrap(), length: 8 };
        let any = Cidr { address: "0.0.0.0".parse().unwrap(), length: 0 };
        TcpRoute {
            cluster: cluster.to_owned(),
            source: vec![block],
            destination: vec![any],
            source_ports: vec![PortRange { first: 0, last: u16::MAX }],
            destination_ports: vec![PortRange { first: 80, last }],
        }
    }

    #[test]
    fn the_first_route_of_which_every_list_matches_is_taken() {
        let mut routes = vec![route("ports", "10.0.0.0", 81), route("net", "10.0.0.0", 90)];
        routes.push(TcpRoute { source_ports: Vec::new(), ..route("never", "127.0.0.0", 90) });
        let mut proxy = TcpProxy { routes, ..TcpProxy::default() };
        assert_eq!(choose(&proxy, &client("10.1.1.1:5", "1.1.1.1:81")), Some("ports"));
        assert_eq!(choose(&proxy, &client("10.1.1.1:5", "1.1.1.1:82")), Some("net"));
        assert_eq!(choose(&proxy, &client("127.0.0.1:5", "1.1.1.1:82")), None);
        proxy.cluster = Some("all".to_owned());
        assert_eq!(choose(&proxy, &client("127.0.0.1:5", "1.1.1.1:82")), Some("all"));
    }
}

//! Limits on connections, which hold over all workers.

use super::*;

fn one_connection(cluster: &mut config::Cluster) {
    cluster.limits.max_connections = 1;
}

#[tokio::test]
async fn a_request_waits_for_the_connection_of_another() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, one_connection);
    let first = house.call("first").await.unwrap();
    let mut line = peer.accept().await;
    let answered = async {
        line.echo("first").await;
        first.answer().await.unwrap()
    };
    let (second, _) = tokio::join!(house.call("second"), answered);
    assert!(second.as_ref().unwrap().lease.reused);
    line.echo("second").await;
    assert_eq!(second.unwrap().answer().await.unwrap(), "second");
    assert_eq!(house.count(UpstreamStat::ConnectionTotal), 1);
    assert_eq!(house.count(UpstreamStat::ConnectionOverflow), 1);
    assert_eq!(house.count(UpstreamStat::RequestPending), 0);
}

#[tokio::test]
async fn a_worker_gives_up_its_connection_to_one_that_has_none() {
    for mode in [PoolMode::Multiplex, PoolMode::PingPong] {
        let peer = Peer::new().await;
        let house = House::new(&[&peer], mode, one_connection);
        let call = house.call("here").await.unwrap();
        let mut line = peer.accept().await;
        line.echo("here").await;
        assert_eq!(call.answer().await.unwrap(), "here");
        let bell = house.pools[0].bell();
        let yielding = async {
            bell.notified().await;
            house.pools[0].yield_one();
            // The host has the old connection's end before it sees another one.
            line.closed().await;
        };
        let (lease, ()) = tokio::join!(house.lease(1, Protocol::Bolt, None), yielding);
        let call = Call::send(lease.unwrap(), Protocol::Bolt, "there").unwrap();
        let mut line = peer.accept().await;
        line.echo("there").await;
        assert_eq!(call.answer().await.unwrap(), "there");
        assert_eq!(house.cluster.usage().connections(), 1, "{mode:?}");
    }
}

#[tokio::test]
async fn whoever_waits_too_long_is_told() {
    for mode in PoolMode::ALL {
        let peer = Peer::new().await;
        let house = House::new(&[&peer], mode, |cluster| {
            one_connection(cluster);
            cluster.connect_timeout = Duration::from_millis(20);
        });
        let (mine, other) = (Bound::new(), Bound::new());
        let _held = house.call_bound(&mine, "held").await.unwrap();
        let there = house.lease(1, Protocol::Bolt, Some(&other)).await;
        assert_eq!(kind(there), Kind::Overflow, "{mode:?}");
        assert_eq!(house.count(UpstreamStat::RequestPendingOverflow), 1);
        assert_eq!(house.cluster.usage().pending(), 0);
    }
}

#[tokio::test]
async fn no_more_wait_than_may() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |cluster| {
        one_connection(cluster);
        cluster.limits.max_pending_requests = 1;
    });
    let first = house.call("first").await.unwrap();
    let (second, third) = tokio::join!(house.call("second"), async {
        let third = house.call("third").await;
        drop(first);
        third
    });
    assert_eq!(kind(third), Kind::Overflow);
    assert!(second.is_ok());
}

//! Upstream connections that belong to a client's connection.

use super::*;

async fn closed(bound: &Bound) {
    soon(poll_fn(|cx| bound.poll_closed(cx))).await;
}

async fn is_open(bound: &Bound) -> bool {
    poll_fn(|cx| std::task::Poll::Ready(bound.poll_closed(cx).is_pending())).await
}

#[tokio::test]
async fn requests_of_a_client_stay_with_the_connection_of_the_first() {
    let (peer, other) = (Peer::new().await, Peer::new().await);
    let house = House::new(&[&peer, &other], PoolMode::Binding, |_| ());
    let (mine, yours) = (Bound::new(), Bound::new());
    assert!(mine.host(&house.cluster).is_none());
    // Those that come before the connection stands wait for it.
    let calls = futures_util::future::join_all(["a", "b"].map(|text| house.call_bound(&mine, text))).await;
    assert_eq!(mine.host(&house.cluster).unwrap().id, house.host().id);
    let mut line = peer.accept().await;
    let (a, b) = (line.expect("a").await, line.expect("b").await);
    line.answer(&b, "b").await;
    line.answer(&a, "a").await;
    for (call, text) in calls.into_iter().zip(["a", "b"]) {
        assert_eq!(call.unwrap().answer().await.unwrap(), text);
    }
    // Another client has another one, to a host of its own choice.
    let host = &house.cluster.hosts()[1];
    let lease = house.pools[0].rpc(&house.cluster, host, Protocol::Bolt, Some(&yours), || 100).await.unwrap();
    let call = Call::send(lease, Protocol::Bolt, "c").unwrap();
    other.accept().await.echo("c").await;
    assert_eq!(call.answer().await.unwrap(), "c");
    assert_eq!(yours.host(&house.cluster).unwrap().id, host.id);
    let again = house.call_bound(&mine, "d").await.unwrap();
    assert!(again.lease.reused);
    line.echo("d").await;
    assert_eq!(again.answer().await.unwrap(), "d");
    assert_eq!(house.count(UpstreamStat::ConnectionTotal), 2);
}

#[tokio::test]
async fn when_the_host_closes_the_owner_hears_of_it_and_nothing_is_sent_elsewhere() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Binding, |_| ());
    let bound = Bound::new();
    let call = house.call_bound(&bound, "a").await.unwrap();
    let mut line = peer.accept().await;
    line.expect("a").await;
    assert!(is_open(&bound).await);
    let lose = async {
        tokio::task::yield_now().await;
        drop(line);
    };
    tokio::join!(closed(&bound), lose);
    assert_eq!(kind(call.answer().await), Kind::UpstreamReset);
    assert_eq!(kind(house.call_bound(&bound, "b").await), Kind::UpstreamReset);
    assert_eq!(house.count(UpstreamStat::ConnectionTotal), 1);
    assert_eq!(house.count(UpstreamStat::ConnectionActive), 0);
}

#[tokio::test]
async fn when_the_client_closes_the_connection_ends_with_its_last_answer() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Binding, |_| ());
    let bound = Bound::new();
    let call = house.call_bound(&bound, "last").await.unwrap();
    let mut line = peer.accept().await;
    let frame = line.expect("last").await;
    drop(bound);
    line.answer(&frame, "last").await;
    assert_eq!(call.answer().await.unwrap(), "last");
    line.closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionLocalClose), 1);
    assert_eq!(house.cluster.usage().connections(), 0);
}

#[tokio::test]
async fn a_connection_that_can_not_be_made_binds_nobody() {
    let (peer, dead) = (Peer::new().await, Peer::new().await);
    let house = House::new(&[&dead, &peer], PoolMode::Binding, |_| ());
    drop(dead);
    let bound = Bound::new();
    let calls = futures_util::future::join_all(["a", "b"].map(|text| house.call_bound(&bound, text))).await;
    for call in calls {
        assert_eq!(kind(call), Kind::ConnectFailed);
    }
    assert!(bound.host(&house.cluster).is_none());
    assert!(is_open(&bound).await, "nothing has ended");
    let host = &house.cluster.hosts()[1];
    let lease = house.pools[0].rpc(&house.cluster, host, Protocol::Bolt, Some(&bound), || 100).await;
    let call = Call::send(lease.unwrap(), Protocol::Bolt, "c").unwrap();
    peer.accept().await.echo("c").await;
    assert_eq!(call.answer().await.unwrap(), "c");
}

#[tokio::test]
async fn whoever_waits_for_one_that_is_given_up_makes_it() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Binding, |cluster| cluster.limits.max_connections = 1);
    let (other, bound) = (Bound::new(), Bound::new());
    let held = house.call_bound(&other, "held").await.unwrap();
    // The first waits for a place, the second for the first.
    let second = {
        let mut first = Box::pin(house.call_bound(&bound, "first"));
        let mut second = Box::pin(house.call_bound(&bound, "second"));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop((held, other));
        second.await.unwrap()
    };
    peer.accept().await.expect("held").await;
    peer.accept().await.echo("second").await;
    assert_eq!(second.answer().await.unwrap(), "second");
}

#[tokio::test]
async fn requests_that_no_client_connection_brought_share() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Binding, |_| ());
    let (a, b) = (house.call("a").await.unwrap(), house.call("b").await.unwrap());
    assert_eq!(a.lease.id, b.lease.id);
}

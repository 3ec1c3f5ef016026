//! Connections that carry one request at a time.

use super::*;

#[tokio::test]
async fn requests_at_once_have_connections_of_their_own_which_later_ones_use_again() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |_| ());
    let mut lines = Vec::new();
    let mut calls = Vec::new();
    for text in ["a", "b", "c"] {
        let call = house.call(text).await.unwrap();
        assert!(!call.lease.reused);
        calls.push((call, text));
        lines.push(peer.accept().await);
    }
    for (line, (call, text)) in lines.iter_mut().zip(calls) {
        line.echo(text).await;
        assert_eq!(call.answer().await.unwrap(), text);
    }
    assert_eq!(house.count(UpstreamStat::ConnectionIdle), 3);
    // The one that was used last is used next.
    for text in ["d", "e"] {
        let call = house.call(text).await.unwrap();
        assert!(call.lease.reused);
        lines[2].echo(text).await;
        assert_eq!(call.answer().await.unwrap(), text);
    }
    assert_eq!(house.count(UpstreamStat::ConnectionTotal), 3);
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_with_it() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |_| ());
    let call = house.call("slow").await.unwrap();
    let mut line = peer.accept().await;
    line.expect("slow").await;
    drop(call);
    line.closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionLocalCloseWithActiveRequest), 1);
    assert_eq!(house.count(UpstreamStat::ConnectionActive), 0);
    let call = house.call("next").await.unwrap();
    peer.accept().await.echo("next").await;
    assert_eq!(call.answer().await.unwrap(), "next");
}

#[tokio::test]
async fn one_that_ended_while_nobody_used_it_is_not_used_again() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |_| ());
    let call = house.call("a").await.unwrap();
    let mut line = peer.accept().await;
    line.echo("a").await;
    assert_eq!(call.answer().await.unwrap(), "a");
    drop(line);
    let noticed = async {
        while house.count(UpstreamStat::ConnectionActive) > 0 {
            tokio::task::yield_now().await;
            house.pools[0].sweep();
        }
    };
    soon(noticed).await;
    assert_eq!(house.count(UpstreamStat::ConnectionIdle), 0);
    assert_eq!(house.count(UpstreamStat::ConnectionRemoteClose), 1);
    assert_eq!(house.count(UpstreamStat::ConnectionRemoteCloseWithActiveRequest), 0);
    let call = house.call("b").await.unwrap();
    assert!(!call.lease.reused);
    peer.accept().await.expect("b").await;
}

#[tokio::test]
async fn an_unused_one_is_closed_after_its_time() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |cluster| cluster.idle_timeout = Some(IDLE));
    let call = house.call("a").await.unwrap();
    let mut line = peer.accept().await;
    line.echo("a").await;
    assert_eq!(call.answer().await.unwrap(), "a");
    house.sweep_after(IDLE / 2).await;
    assert_eq!(house.count(UpstreamStat::ConnectionIdle), 1);
    house.sweep_after(IDLE).await;
    line.closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionIdle), 0);
    assert_eq!(house.count(UpstreamStat::ConnectionLocalClose), 1);
}

#[tokio::test]
async fn a_connection_carries_as_many_requests_as_it_may() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::PingPong, |cluster| cluster.max_requests_per_connection = 2);
    let mut line = None;
    for text in ["a", "b"] {
        let call = house.call(text).await.unwrap();
        let line = match &mut line {
            Some(line) => line,
            none => none.insert(peer.accept().await),
        };
        line.echo(text).await;
        assert_eq!(call.answer().await.unwrap(), text);
    }
    line.unwrap().closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionIdle), 0);
}

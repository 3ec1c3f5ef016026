//! Connections that requests share.

use super::*;

#[tokio::test]
async fn requests_share_a_connection_and_are_answered_in_any_order() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |_| ());
    // They come at once, so that two of them wait for the connection that the first one makes.
    let calls = futures_util::future::join_all(["a", "b", "c"].map(|text| house.call(text))).await;
    let mut line = peer.accept().await;
    let mut frames = Vec::new();
    for text in ["a", "b", "c"] {
        frames.push((line.expect(text).await, text));
    }
    frames.sort_by_key(|(frame, _)| frame.id);
    frames.dedup_by_key(|(frame, _)| frame.id);
    assert_eq!(frames.len(), 3, "every request has a number of its own");
    for (frame, text) in frames.iter().rev() {
        line.answer(frame, text).await;
    }
    for (call, text) in calls.into_iter().zip(["a", "b", "c"]) {
        assert_eq!(call.unwrap().answer().await.unwrap(), text);
    }
    assert_eq!(house.count(UpstreamStat::ConnectionTotal), 1);
    assert!(house.lease(0, Protocol::Bolt, None).await.unwrap().reused);
}

#[tokio::test]
async fn each_protocol_and_each_version_of_one_has_a_connection_of_its_own() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |_| ());
    let mut ids = Vec::new();
    for protocol in [Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo] {
        let lease = house.lease(0, protocol, None).await.unwrap();
        ids.push(lease.id);
        let _call = Call::send(lease, protocol, "hello").unwrap();
        let mut line = peer.accept().await;
        line.protocol = protocol;
        assert_eq!(line.next().await.unwrap().protocol, protocol);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_connection_that_has_served_its_time_ends_with_its_last_answer() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |cluster| cluster.max_requests_per_connection = 2);
    let (a, b, c) =
        (house.call("a").await.unwrap(), house.call("b").await.unwrap(), house.call("c").await.unwrap());
    let (mut first, mut second) = (peer.accept().await, peer.accept().await);
    let (frame_a, frame_b) = (first.expect("a").await, first.expect("b").await);
    second.echo("c").await;
    first.answer(&frame_b, "b").await;
    first.answer(&frame_a, "a").await;
    for (call, text) in [(a, "a"), (b, "b"), (c, "c")] {
        assert_eq!(call.answer().await.unwrap(), text);
    }
    first.closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionLocalClose), 1);
    assert_eq!(house.count(UpstreamStat::ConnectionActive), 1);
}

#[tokio::test]
async fn a_lost_connection_fails_its_own_requests_and_no_others() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |cluster| cluster.max_requests_per_connection = 1);
    let (lost, kept) = (house.call("lost").await.unwrap(), house.call("kept").await.unwrap());
    let (mut first, mut second) = (peer.accept().await, peer.accept().await);
    first.expect("lost").await;
    drop(first);
    assert_eq!(kind(lost.answer().await), Kind::UpstreamReset);
    second.echo("kept").await;
    assert_eq!(kept.answer().await.unwrap(), "kept");
    assert_eq!(house.count(UpstreamStat::ConnectionRemoteCloseWithActiveRequest), 1);
}

#[tokio::test]
async fn after_a_go_away_requests_take_a_new_connection() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |_| ());
    let before = house.call("before").await.unwrap();
    let mut old = peer.accept().await;
    let frame = old.expect("before").await;
    let mut word = BytesMut::new();
    assert!(Protocol::Bolt.codec().go_away(1, &mut word));
    old.socket.write_all(&word).await.unwrap();
    // Its answer comes behind the word, so the word was read when the answer was.
    old.answer(&frame, "before").await;
    assert_eq!(before.answer().await.unwrap(), "before");
    assert!(house.host().is_leaving(), "others are preferred meanwhile");
    let after = house.call("after").await.unwrap();
    peer.accept().await.echo("after").await;
    assert_eq!(after.answer().await.unwrap(), "after");
    old.closed().await;
}

#[tokio::test]
async fn a_host_that_answers_no_heartbeats_loses_its_connection() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |cluster| {
        cluster.keepalive.interval = Duration::from_millis(10);
        cluster.keepalive.timeout = Duration::from_millis(5);
    });
    let call = house.call("silence").await.unwrap();
    let mut line = peer.accept().await;
    line.expect("silence").await;
    assert_eq!(kind(call.answer().await), Kind::UpstreamReset);
    let mut heartbeats = 0;
    while let Some(frame) = line.next().await {
        assert_eq!(frame.kind, mecha_codec::rpc::Kind::Heartbeat);
        heartbeats += 1;
    }
    assert_eq!(heartbeats, 6);
    house.call("again").await.unwrap();
    peer.accept().await.expect("again").await;
}

#[tokio::test]
async fn an_unused_connection_is_closed_after_its_time() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |cluster| cluster.idle_timeout = Some(IDLE));
    let (used, call) = (house.call("used").await.unwrap(), house.call("over").await.unwrap());
    let mut line = peer.accept().await;
    let frame = line.expect("used").await;
    line.echo("over").await;
    assert_eq!(call.answer().await.unwrap(), "over");
    // One that waits for an answer is in use, however long that takes.
    house.sweep_after(2 * IDLE).await;
    line.answer(&frame, "used").await;
    assert_eq!(used.answer().await.unwrap(), "used");
    house.sweep_after(2 * IDLE).await;
    line.closed().await;
    assert_eq!(house.count(UpstreamStat::ConnectionLocalClose), 1);
    assert!(house.count(UpstreamStat::BytesReadTotal) > 0);
    assert!(house.count(UpstreamStat::BytesWriteTotal) > 0);
}

#[tokio::test]
async fn all_who_wait_for_a_connection_learn_that_it_can_not_be_made() {
    let peer = Peer::new().await;
    let house = House::new(&[&peer], PoolMode::Multiplex, |_| ());
    drop(peer);
    let calls = futures_util::future::join_all(["a", "b", "c"].map(|text| house.call(text))).await;
    for call in calls {
        assert_eq!(kind(call), Kind::ConnectFailed);
    }
    assert_eq!(house.count(UpstreamStat::ConnectionConFail), 1);
}

#[tokio::test]
async fn what_belongs_to_a_host_that_is_gone_is_closed() {
    for mode in [PoolMode::Multiplex, PoolMode::PingPong] {
        let peer = Peer::new().await;
        let house = House::new(&[&peer], mode, |_| ());
        let call = house.call("last").await.unwrap();
        let mut line = peer.accept().await;
        let frame = line.expect("last").await;
        house.pools[0].forget_absent(&ClusterSet::default());
        line.answer(&frame, "last").await;
        assert_eq!(call.answer().await.unwrap(), "last");
        house.pools[0].forget_absent(&ClusterSet::default());
        line.closed().await;
        assert_eq!(house.count(UpstreamStat::ConnectionIdle), 0);
    }
}

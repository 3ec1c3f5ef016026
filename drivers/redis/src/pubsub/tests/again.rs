//! Messages that come again, and those that must not.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;
use crate::testing::eventually;

/// How many messages of the group `app` are pending.
fn pending(server: &Server, topic: &str) -> usize {
    let summary = server.cli(&["xpending", topic, "app"]);
    summary.lines().next().and_then(|count| count.parse().ok()).unwrap()
}

#[tokio::test]
async fn what_a_dead_consumer_had_is_claimed() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    server.cli(&["xgroup", "create", "t", "app", "0", "mkstream"]);
    for text in ["one", "two", "three"] {
        publish(&*broker, "t", text).await.unwrap();
    }
    // Another process reads two and is gone; one of them is deleted meanwhile.
    let read = server.cli(&["xreadgroup", "group", "app", "dead", "count", "2", "streams", "t", ">"]);
    let ids: Vec<_> = read.lines().filter(|line| line.contains('-')).collect();
    server.cli(&["xdel", "t", ids[1]]);
    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    assert_eq!(
        taker.until(2).await,
        ["three", "one"],
        "what is new comes first, what is claimed after its time"
    );
    eventually("nothing is pending, the deleted one neither", async || pending(&server, "t") == 0).await;
    subscription.stop().await;
}

#[tokio::test]
async fn what_was_refused_comes_again_and_then_no_more() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    let taker = Taker::refusing(|number| number < 2);
    let begun = Instant::now();
    let subscription = subscribe(&*broker, "t", &taker).await;
    publish(&*broker, "t", "again").await.unwrap();
    assert_eq!(taker.until(1).await, ["again"]);
    assert!(begun.elapsed() >= Duration::from_millis(800), "twice the time that it is pending before");
    eventually("it is acknowledged", async || pending(&server, "t") == 0).await;
    assert_eq!(taker.calls.load(Ordering::SeqCst), 3);
    subscription.stop().await;

    let forgiving = open(&server.host(), &[("ackOnError", "true"), ("consumerID", "other")]).await.unwrap();
    let taker = Taker::refusing(|_| true);
    let subscription = subscribe(&*forgiving, "t", &taker).await;
    eventually("a refused message is done with, when that is asked for", async || {
        taker.calls.load(Ordering::SeqCst) == 1 && server.cli(&["xpending", "t", "other"]).starts_with('0')
    })
    .await;
    subscription.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_is_not_taken_by_others() {
    let server = Server::start(&[]);
    let one_by_one = [("concurrency", "1"), ("processingTimeout", "500ms"), ("redeliverInterval", "50ms")];
    let (slow, other) =
        (open(&server.host(), &one_by_one).await.unwrap(), open(&server.host(), &SOON).await.unwrap());
    // Six messages of 300 ms wait far longer than they may be pending.
    let (taker, thief) = (Taker::slow(Duration::from_millis(300)), Taker::new());
    let first = subscribe(&*slow, "t", &taker).await;
    for number in 0..6 {
        publish(&*slow, "t", &number.to_string()).await.unwrap();
    }
    eventually("the first process has them all", async || {
        pending(&server, "t") + taker.messages().len() == 6
    })
    .await;
    let second = subscribe(&*other, "t", &thief).await;
    assert_eq!(taker.until(6).await, ["0", "1", "2", "3", "4", "5"]);
    first.stop().await;
    second.stop().await;
    assert_eq!(thief.calls.load(Ordering::SeqCst), 0, "the second process got {:?}", thief.texts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_gives_back_what_waits() {
    let server = Server::start(&[]);
    let long = [("concurrency", "1"), ("processingTimeout", "30s"), ("redeliverInterval", "100ms")];
    let (leaving, staying) =
        (open(&server.host(), &long).await.unwrap(), open(&server.host(), &long).await.unwrap());
    let taker = Taker::slow(Duration::from_millis(500));
    let first = subscribe(&*leaving, "t", &taker).await;
    for number in 0..4 {
        publish(&*leaving, "t", &number.to_string()).await.unwrap();
    }
    eventually("all are handed over", async || pending(&server, "t") == 4).await;
    taker.begun().await;
    first.stop().await;
    assert_eq!(taker.texts(), ["0"], "what was worked at is done, what waited is not begun");
    let heir = Taker::new();
    let begun = Instant::now();
    let second = subscribe(&*staying, "t", &heir).await;
    assert_eq!(heir.until(3).await, ["1", "2", "3"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "at once, not when processingTimeout is over");
    second.stop().await;
}

#[tokio::test]
async fn a_handler_that_does_not_end_is_given_up() {
    let server = Server::start(&[]);
    let broker =
        open(&server.host(), &[("processingTimeout", "200ms"), ("redeliverInterval", "50ms")]).await.unwrap();
    let stuck = Taker::slow(Duration::from_secs(3600));
    let subscription = subscribe(&*broker, "t", &stuck).await;
    publish(&*broker, "t", "stuck").await.unwrap();
    eventually("it is handed over again", async || stuck.calls.load(Ordering::SeqCst) >= 2).await;
    subscription.stop().await;
    assert_eq!(pending(&server, "t"), 1);
}

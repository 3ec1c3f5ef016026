//! Servers that go and come back.

use mecha_component::ErrorKind;

use super::*;
use crate::testing::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_everything_gets_its_groups_again() {
    let mut server = Server::start(&[]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    publish(&*broker, "t", "before").await.unwrap();
    taker.until(1).await;

    server.kill();
    let error = publish(&*broker, "t", "while it is away").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&server.host()), "{error}");
    server.start_again();
    eventually("messages are taken again", async || publish(&*broker, "t", "after").await.is_ok()).await;
    assert!(taker.until(2).await.contains(&"after".to_owned()));
    subscription.stop().await;
    assert!(server.cli(&["xinfo", "groups", "t"]).starts_with("name\napp\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_kept_its_data_loses_no_message() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    let mut accepted = Vec::new();
    for number in 0..60 {
        if number % 20 == 10 {
            server.kill();
            server.start_again();
        }
        let text = number.to_string();
        if publish(&*broker, "t", &text).await.is_ok() {
            accepted.push(text);
        }
    }
    assert!(accepted.len() > 30, "{accepted:?}");
    eventually("everything that was accepted arrives", async || {
        let texts = taker.texts();
        accepted.iter().all(|text| texts.contains(text))
    })
    .await;
    subscription.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_deleted_begins_anew() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    publish(&*broker, "t", "one").await.unwrap();
    taker.until(1).await;
    server.cli(&["del", "t"]);
    eventually("the group is there again", async || {
        server.cli(&["exists", "t"]) == "1" && server.cli(&["xinfo", "groups", "t"]).contains("app")
    })
    .await;
    publish(&*broker, "t", "two").await.unwrap();
    assert_eq!(taker.until(2).await, ["one", "two"]);
    subscription.stop().await;
    assert!(publish(&*broker, "t", "three").await.is_ok());
    broker.close().await;
    let error = publish(&*broker, "t", "four").await.unwrap_err();
    assert_eq!(error.message(), "the component is closed");
}

#[tokio::test]
async fn a_topic_that_is_no_stream_is_said() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &[]).await.unwrap();
    server.cli(&["set", "t", "text"]);
    let error = publish(&*broker, "t", "one").await.unwrap_err();
    assert!(error.message().contains("WRONGTYPE"), "{error}");
    let request = SubscribeRequest { topic: "t".to_owned(), ..Default::default() };
    assert!(broker.subscribe(request, Taker::new()).await.is_err());
}

//! Servers that are away, refuse, or are not what the properties say.

use std::time::{Duration, Instant};

use mecha_component::ErrorKind;

use super::*;
use crate::testing::eventually;

#[tokio::test]
async fn a_host_that_is_down_is_named() {
    let mut server = Server::start(&[]);
    let host = server.host();
    server.kill();
    let error = open(&host, &[]).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.message();
    assert!(
        message.contains(&host) && message.contains("refused") && message.contains("redisHost"),
        "{message}"
    );
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap().to_string();
    let begun = Instant::now();
    let error = open(&host, &[("dialTimeout", "300ms")]).await.err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(error.message().contains(&host) && error.message().contains("within 300ms"), "{error}");
}

#[tokio::test]
async fn a_wrong_login_is_said() {
    let user = ["--user", "limited", "on", ">pw", "~none*", "+ping", "+get"];
    let server = Server::start(&[&["--requirepass", "right"][..], &user[..]].concat());
    for (more, words) in [
        (&[("redisPassword", "wrong")][..], "refuses the login"),
        (&[][..], "asks for a password"),
        (&[("redisUsername", "nobody"), ("redisPassword", "right")][..], "refuses the login"),
    ] {
        let error = open(&server.host(), more).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(words) && error.message().contains("redisPassword"), "{error}");
        assert!(!error.message().contains("right") && !error.message().contains("wrong"), "{error}");
    }
    let store = open(&server.host(), &[("redisPassword", "right")]).await.unwrap();
    store.set(set("a", "1")).await.unwrap();
    let limited = [("redisUsername", "limited"), ("redisPassword", "pw")];
    let store = open(&server.host(), &limited).await.unwrap();
    let error = store.set(set("a", "1")).await.unwrap_err();
    assert!(error.message().contains("ACL"), "{error}");
}

#[tokio::test]
async fn a_node_is_no_cluster() {
    let server = Server::start(&[]);
    let error = open(&server.host(), &[("redisType", "cluster")]).await.err().unwrap();
    assert!(error.message().contains(&server.host()), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let mut server = Server::start(&[]);
    let store = open(&server.host(), &[("redisMaxRetryInterval", "20ms")]).await.unwrap();
    store.set(set("a", "1")).await.unwrap();
    server.kill();
    let error = store.set(set("a", "2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&server.host()), "{error}");
    assert!(store.ping().await.is_err());
    server.start_again();
    eventually("the store answers again", async || store.ping().await.is_ok()).await;
    store.set(set("a", "3")).await.unwrap();
    assert_eq!(text(&*store, "a").await.as_deref(), Some("3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_shorter_than_the_retries_is_not_noticed() {
    let mut server = Server::start(&[]);
    let more = [("redisMaxRetries", "100"), ("redisMinRetryInterval", "100ms")];
    let store = open(&server.host(), &more).await.unwrap();
    server.kill();
    let write = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.set(set("a", "1")).await }
    });
    server.start_again();
    write.await.unwrap().unwrap();
    assert_eq!(server.cli(&["hget", "a", "data"]), "1");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[("readTimeout", "200ms")]).await.unwrap();
    store.set(set("a", "1")).await.unwrap();
    server.cli(&["client", "pause", "1500"]);
    let error = store.set(set("a", "2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    eventually("the server answers again", async || store.set(set("a", "3")).await.is_ok()).await;
}

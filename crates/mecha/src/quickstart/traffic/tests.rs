//! The client and the demo service against each other, without Mecha between them, and what becomes of the numbers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::super::scenario::Call;
use super::super::{client::Protocol, ports, service};
use super::*;

/// Starts a service in this process.
async fn service_a() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(service::serve(listener, service::NAMES[0].into()));
    address
}

async fn row_of(address: SocketAddr, call: Call, proof: Proof) -> Row {
    let scenario = Scenario { name: "direct", way: "service-a".to_owned(), address, call, proof };
    let (ports, _held) = ports::reserve().unwrap();
    row(&scenario, &ports).await
}

#[tokio::test]
async fn the_service_answers_every_kind_of_call() {
    let address = service_a().await;
    let first = &service::NAMES[..1];
    for call in [
        Call::Service(Protocol::Http1, "/", first),
        Call::Service(Protocol::Http2, "/", first),
        Call::Grpc,
        Call::Tcp,
    ] {
        let row = row_of(address, call, Proof::Each).await;
        assert!(row.passed(), "{call:?}: {:?}", row.complaint);
        assert_eq!(row.latencies.len(), CALLS);
    }
}

#[tokio::test]
async fn the_building_blocks_need_a_runtime() {
    let address = service_a().await;
    for call in [Call::State, Call::Message, Call::Invocation, Call::Secret] {
        let row = row_of(address, call, Proof::Each).await;
        assert!(!row.passed() && row.failed == LANES, "{call:?} passed without a runtime");
        assert!(row.complaint.unwrap().starts_with("expected "), "{call:?}");
    }
}

#[tokio::test]
async fn a_wrong_answer_fails_the_row_and_is_shown() {
    let row = row_of(service_a().await, Call::Direct("/welcome", "Welcome!"), Proof::Each).await;
    assert!(!row.passed());
    assert_eq!(row.failed, LANES);
    let complaint = row.complaint.unwrap();
    assert!(complaint.contains("Welcome!") && complaint.contains("service-a answered"), "{complaint}");
}

#[tokio::test]
async fn shares_that_are_not_the_weights_fail_the_row() {
    let both = Call::Service(Protocol::Http1, "/weighted", &service::NAMES);
    let row = row_of(service_a().await, both, Proof::Shares([80, 20])).await;
    assert_eq!(row.failed, 0);
    assert!(!row.passed());
    assert!(row.complaint.unwrap().contains("400 and 0"));
}

#[tokio::test]
async fn nobody_there_is_a_failure_with_a_reason() {
    let dead = TcpSocket::new_v4().unwrap();
    dead.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let row = row_of(dead.local_addr().unwrap(), Call::Grpc, Proof::Each).await;
    assert!(!row.passed());
    assert!(row.latencies.is_empty());
    assert!(row.complaint.unwrap().contains("refused"));
}

#[test]
fn shares_near_the_weights_pass_and_others_do_not() {
    assert_eq!(shares([320, 80], [80, 20]).1, None);
    assert_eq!(shares([290, 110], [80, 20]).1, None);
    assert!(shares([200, 200], [80, 20]).1.is_some());
    assert!(shares([400, 0], [80, 20]).1.is_some());
    assert_eq!(shares([0, 0], [80, 20]).1, None, "failed calls are told elsewhere");
}

#[test]
fn retries_must_have_been_counted() {
    assert_eq!(retries(Ok(3), Ok(203)), (Some("200 retries".to_owned()), None));
    assert!(retries(Ok(3), Ok(3)).1.is_some());
    assert!(retries(Ok(3), Err("refused".to_owned())).1.unwrap().contains("refused"));
}

#[test]
fn lanes_add_up() {
    let mut one = Tally::default();
    one.count(Duration::from_millis(1), Some("service-b"));
    let two = Tally::default().fail("late".to_owned());
    let sum = one.merge(two).merge(Tally::default().fail("later".to_owned()));
    assert_eq!((sum.latencies.len(), sum.failed, sum.by_service), (1, 2, [0, 1]));
    assert_eq!(sum.reason.as_deref(), Some("late"));
}

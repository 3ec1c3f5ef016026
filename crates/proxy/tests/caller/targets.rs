//! Where a call goes when the request says so, and what is spoken there.

use mecha_base::Kind;
use mecha_config::route::{Forward, Target};
use mecha_config::{Action, Speaks};
use mecha_http::Length;
use mecha_proxy::Snapshot;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::kit::{House, PATIENCE, cluster, config, get, head_of};

fn by_header() -> Action {
    let target = Target::Header("x-to".to_owned());
    Action::Forward(Box::new(Forward { target, ..Forward::default() }))
}

#[tokio::test]
async fn the_cluster_that_a_header_names_is_called_and_the_header_stays_here() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(by_header(), vec![cluster("blue", &[socket.local_addr().unwrap()])]));
    let mut request = get("/");
    request.headers.append("x-to", b"blue").unwrap();
    let mut call = house.caller().call(request, Length::Empty);
    let serve = async {
        let (mut stream, _) = socket.accept().await.unwrap();
        let head = head_of(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        head
    };
    let (head, answered) = tokio::join!(serve, call.head());
    assert_eq!(answered.unwrap().0.status.as_u16(), 204);
    assert!(!head.contains("x-to"), "{head}");
}

#[tokio::test]
async fn a_caller_learns_that_nobody_answered() {
    let house = House::new(&config(by_header(), vec![]));
    let mut request = get("/");
    request.headers.append("x-to", b"red").unwrap();
    for request in [get("/"), request] {
        let mut call = house.caller().call(request, Length::Empty);
        assert_eq!(call.head().await.unwrap().0.status.as_u16(), 404);
        assert_eq!(call.failure().unwrap().kind(), Kind::NoCluster);
    }
}

#[tokio::test]
async fn what_a_cluster_speaks_wins_over_the_caller() {
    for speaks in [Speaks::Http2, Speaks::Dapr] {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut blue = cluster("blue", &[socket.local_addr().unwrap()]);
        blue.speaks = Some(speaks);
        let house = House::new(&config(by_header(), vec![blue]));
        let mut request = get("/");
        request.headers.append("x-to", b"blue").unwrap();
        let mut call = house.caller().call(request, Length::Empty);
        let greeted = async {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut preface = [0; 16];
            stream.read_exact(&mut preface).await.unwrap();
            preface
        };
        let preface = tokio::select! {
            preface = greeted => preface,
            answered = call.head() => panic!("{answered:?}"),
        };
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n");
    }
}

#[tokio::test]
async fn connections_to_a_cluster_that_is_gone_are_closed() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let model = config(by_header(), vec![cluster("blue", &[socket.local_addr().unwrap()])]);
    let house = House::new(&model);
    let mut request = get("/");
    request.headers.append("x-to", b"blue").unwrap();
    let mut call = house.caller().call(request, Length::Empty);
    let serve = async {
        let (mut stream, _) = socket.accept().await.unwrap();
        head_of(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        stream
    };
    let (mut stream, answered) = tokio::join!(serve, call.head());
    answered.unwrap();
    assert!(matches!(call.recv().await, Ok(None)));
    assert!(house.worker.has_cluster("blue"));
    let snapshot = Snapshot::build(&model, None);
    house.worker.set_snapshot(&snapshot.without_cluster("blue"));
    assert!(!house.worker.has_cluster("blue"));
    let closed = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap();
    assert_eq!(closed.unwrap(), 0);
}

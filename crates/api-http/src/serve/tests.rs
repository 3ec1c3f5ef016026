//! The server over real loopback sockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mecha_base::drain::{self, Mode, Trigger};
use mecha_net::{Address, Listener, listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::service_fn;

use super::{ServeOptions, serve};

/// Answers with the version and the path; `/slow` waits until it is let go on.
struct Server {
    address: SocketAddr,
    trigger: Trigger,
    go_on: mpsc::UnboundedSender<()>,
    arrived: mpsc::UnboundedReceiver<()>,
    task: JoinHandle<()>,
}

fn start(options: ServeOptions) -> Server {
    let bound = listener::bind_tcp("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let Address::Tcp(address) = bound.address().unwrap() else { panic!("not TCP") };
    let socket = Listener::start(bound).unwrap();
    let (trigger, watch) = drain::new();
    let (go_on, wait) = mpsc::unbounded_channel();
    let (tell, arrived) = mpsc::unbounded_channel();
    let wait = std::sync::Arc::new(tokio::sync::Mutex::new(wait));
    let service = service_fn(move |request: Request<Incoming>| {
        let (wait, tell) = (wait.clone(), tell.clone());
        async move {
            if request.uri().path() == "/slow" {
                let _ = tell.send(());
                wait.lock().await.recv().await;
            }
            let mut text = format!("{:?} {}", request.version(), request.uri().path());
            if let Some(peer) = request.extensions().get::<SocketAddr>() {
                text = format!("{text} of {}", peer.ip());
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
        }
    });
    let task = tokio::spawn(serve(service, socket, options, watch));
    Server { address, trigger, go_on, arrived, task }
}

async fn raw(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

const CLOSING: &str = "GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

type Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn http2(address: SocketAddr) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn ask(sender: &mut Sender, path: &str) -> hyper::Result<(StatusCode, String)> {
    let request = Request::get(format!("http://x{path}")).body(Full::default()).unwrap();
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn speaks_both_versions_on_one_port() {
    let server = start(ServeOptions::default());
    let answer = rest(raw(server.address, CLOSING).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("HTTP/1.1 /one"), "{answer}");
    let (mut sender, _connection) = http2(server.address).await;
    assert_eq!(ask(&mut sender, "/two").await.unwrap(), (StatusCode::OK, "HTTP/2.0 /two".to_owned()));
}

#[tokio::test]
async fn the_peer_is_told_where_somebody_asks_for_it() {
    let server = start(ServeOptions { tells_peer: true, ..ServeOptions::default() });
    let answer = rest(raw(server.address, CLOSING).await).await;
    assert!(answer.ends_with("/one of 127.0.0.1"), "{answer}");
    let (mut sender, _connection) = http2(server.address).await;
    assert_eq!(ask(&mut sender, "/two").await.unwrap().1, "HTTP/2.0 /two of 127.0.0.1");
}

#[tokio::test]
async fn http2_can_be_off() {
    let server = start(ServeOptions { h2c: false, ..ServeOptions::default() });
    let answer = rest(raw(server.address, CLOSING).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (mut sender, _connection) = http2(server.address).await;
    assert!(ask(&mut sender, "/two").await.is_err());
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let server = start(ServeOptions { max_head: 1024, ..ServeOptions::default() });
    let head = |size| {
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-long: {}\r\n\r\n", "y".repeat(size))
    };
    let answer = rest(raw(server.address, &head(4096)).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = rest(raw(server.address, &head(5200)).await).await;
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_and_a_slow_head_is_not() {
    let limit = Duration::from_secs(10);
    let server = start(ServeOptions { header_timeout: limit, ..ServeOptions::default() });
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut buffer = [0_u8; 1024];
    for _ in 0..2 {
        stream.write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
        tokio::time::sleep(10 * limit).await;
    }
    stream.write_all(b"GET /one HT").await.unwrap();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
    let silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(silent).await, "");
}

#[tokio::test]
async fn a_graceful_drain_lets_requests_in_flight_finish() {
    let mut server = start(ServeOptions::default());
    let one = raw(server.address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (mut sender, connection) = http2(server.address).await;
    let mut clone = sender.clone();
    let two = tokio::spawn(async move { ask(&mut clone, "/slow").await });
    let idle = raw(server.address, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived.recv().await.unwrap();
    server.arrived.recv().await.unwrap();
    server.trigger.start(Mode::Graceful);
    assert!(rest(idle).await.ends_with("HTTP/1.1 /one"));
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.task.is_finished());
    server.go_on.send(()).unwrap();
    server.go_on.send(()).unwrap();
    assert!(rest(one).await.ends_with("HTTP/1.1 /slow"));
    assert_eq!(two.await.unwrap().unwrap().1, "HTTP/2.0 /slow");
    // GOAWAY: the connection takes no more.
    connection.await.unwrap().unwrap();
    assert!(ask(&mut sender, "/two").await.is_err());
    server.task.await.unwrap();
}

#[tokio::test]
async fn an_immediate_drain_drops_them() {
    let mut server = start(ServeOptions::default());
    let stream = raw(server.address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived.recv().await.unwrap();
    server.trigger.start(Mode::Immediate);
    server.task.await.unwrap();
    assert_eq!(rest(stream).await, "");
}

#[tokio::test(start_paused = true)]
async fn connections_over_the_limit_wait() {
    let mut server = start(ServeOptions { max_connections: 1, ..ServeOptions::default() });
    let slow = "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let first = raw(server.address, slow).await;
    server.arrived.recv().await.unwrap();
    let mut second = raw(server.address, CLOSING).await;
    // The paused clock moves on only when nothing else can.
    let early = tokio::time::timeout(Duration::from_secs(1), second.read_u8()).await;
    assert!(early.is_err());
    server.go_on.send(()).unwrap();
    assert!(rest(first).await.ends_with("/slow"));
    assert!(rest(second).await.ends_with("/one"));
}

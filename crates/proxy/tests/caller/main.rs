//! Calls from inside the process against upstreams that speak plain bytes over sockets.

#![expect(clippy::unwrap_used, reason = "clippy.toml lets test functions panic; these are their helpers")]

mod filters;
mod kit;
mod targets;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use mecha_base::{Kind, ResponseFlags, drain};
use mecha_config::cluster::Limits;
use mecha_config::route::RetryPolicy;
use mecha_config::{Action, Cluster, Protocol};
use mecha_http::{Frame, Headers, Length, Version};
use mecha_metrics::DownstreamStat;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use kit::{House, PATIENCE, cluster, collect, config, dead_host, forward, get, head_of, post};

/// An upstream that answers every connection's first request with these bytes.
async fn canned(answer: &'static str) -> std::net::SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            head_of(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_call_is_routed_counted_and_logged() {
    let upstream = canned("HTTP/1.1 201 Created\r\ncontent-length: 5\r\nx-from: up\r\n\r\nhello").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    let mut call = house.caller().call(get("/orders?x=1"), Length::Empty);
    let (head, length) = call.head().await.unwrap();
    assert_eq!((head.status.as_u16(), length), (201, Length::Known(5)));
    assert_eq!(head.headers.get("x-from"), Some(&b"up"[..]));
    let (body, trailers) = collect(&mut call).await;
    assert_eq!((&body[..], trailers.is_none()), (&b"hello"[..], true));
    assert!(call.is_received());

    assert_eq!(house.count(DownstreamStat::RequestTotal), 1);
    assert_eq!(house.count(DownstreamStat::RequestActive), 0);
    let record = house.record();
    assert_eq!((record.protocol, record.response_code, record.bytes_sent), ("Local", 201, 5));
    assert_eq!((&*record.authority, &*record.target), ("shop", "/orders?x=1"));
    assert_eq!(record.upstream_cluster.as_deref(), Some("app"));
    assert_eq!(record.upstream_host.as_deref(), Some(&*upstream.to_string()));
    assert_eq!(record.captured, vec![Some(Bytes::from_static(b"me")), Some(Bytes::from_static(b"up"))]);
}

#[tokio::test]
async fn fields_of_another_hop_and_a_wrong_length_do_not_pass() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(forward("app"), vec![cluster("app", &[socket.local_addr().unwrap()])]));
    let mut request = post("/");
    request.authority = Default::default();
    for (name, value) in [
        ("host", "inside"),
        ("connection", "keep-alive, upgrade"),
        ("keep-alive", "5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("content-length", "99"),
        ("x-mine", "1"),
    ] {
        request.headers.append(name, value.as_bytes()).unwrap();
    }
    let mut call = house.caller().call(request, Length::Known(2));
    let serve = async {
        let (mut stream, _) = socket.accept().await.unwrap();
        let head = head_of(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        head
    };
    let ask = async {
        call.send(Bytes::from_static(b"ok"), true).await.unwrap();
        call.head().await.unwrap()
    };
    let (head, (answer, _)) = tokio::join!(serve, ask);
    assert_eq!(answer.status.as_u16(), 204);
    let mut lines: Vec<&str> = head.split("\r\n\r\n").next().unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["POST / HTTP/1.1", "content-length: 2", "host: inside", "x-client: me", "x-mine: 1"]);
}

#[tokio::test]
async fn a_dead_host_is_passed_over() {
    let upstream = canned("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let hosts = [dead_host().await, upstream];
    let house = House::new(&config(forward("app"), vec![cluster("app", &hosts)]));
    for _ in 0..4 {
        let mut call = house.caller().call(post("/"), Length::Known(3));
        call.send(Bytes::from_static(b"abc"), true).await.unwrap();
        assert_eq!(call.head().await.unwrap().0.status.as_u16(), 200);
        assert!(matches!(call.recv().await, Ok(None)));
    }
    let retries: u32 = house.records().iter().map(|record| record.retries).sum();
    assert!(retries >= 1, "round robin must have met the dead host");
}

#[tokio::test]
async fn a_silent_upstream_becomes_504() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut route = forward("app");
    if let Action::Forward(forward) = &mut route {
        forward.timeout = Some(Duration::from_millis(30));
        forward.retry = RetryPolicy::default();
    }
    let house = House::new(&config(route, vec![cluster("app", &[socket.local_addr().unwrap()])]));
    let mut call = house.caller().call(get("/"), Length::Empty);
    let (head, length) = call.head().await.unwrap();
    assert_eq!(head.status.as_u16(), 504);
    let (body, _) = collect(&mut call).await;
    assert_eq!(length, Length::Known(body.len() as u64));
    assert!(house.record().flags.contains(ResponseFlags::UPSTREAM_TIMEOUT));
    assert_eq!(house.count(DownstreamStat::Request504), 1);
}

#[tokio::test]
async fn no_route_is_404_and_no_host_503_and_grpc_gets_trailers_only() {
    let mut config = config(forward("empty"), vec![cluster("empty", &[])]);
    config.routers[0].virtual_hosts[0].domains = vec!["shop".to_owned()];
    let house = House::new(&config);
    let mut elsewhere = get("/");
    elsewhere.authority = "nowhere".into();
    let mut call = house.caller().call(elsewhere, Length::Empty);
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 404);
    assert!(house.record().flags.contains(ResponseFlags::NO_ROUTE));
    let mut call = house.caller().call(get("/"), Length::Empty);
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 503);
    let mut grpc = post("/pkg.Service/Method");
    grpc.version = Version::Http2;
    grpc.headers.append("content-type", b"application/grpc").unwrap();
    let mut call = house.caller().call(grpc, Length::Unknown);
    let (head, length) = call.head().await.unwrap();
    assert_eq!((head.status.as_u16(), length), (200, Length::Empty));
    assert_eq!(head.headers.get("grpc-status"), Some(&b"14"[..]));
    assert_eq!(house.count(DownstreamStat::RequestNoRoute), 1);
}

#[tokio::test]
async fn a_large_body_passes_both_ways_at_once() {
    const SIZE: usize = 1 << 20;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(forward("app"), vec![cluster("app", &[socket.local_addr().unwrap()])]));
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let read = head_of(&mut stream).await;
        let (_, body) = read.split_at(read.find("\r\n\r\n").unwrap() + 4);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let body: Bytes = (0..SIZE).map(|at| (at % 127) as u8).collect();
    let mut left = body.clone();
    let mut call = house.caller().call(post("/"), Length::Known(SIZE as u64));
    let mut back = Vec::new();
    let (mut waited, mut answered) = (false, false);
    poll_fn(|cx| {
        if !left.is_empty() {
            let before = left.len();
            waited |= call.poll_send(cx, &mut left, true)?.is_pending();
            assert!(before - left.len() <= 2 * mecha_http::local::LIMIT, "taken without being sent");
        }
        while !answered || back.len() < SIZE {
            if !answered {
                answered = match call.poll_head(cx)? {
                    Poll::Ready(_) => true,
                    Poll::Pending => return Poll::Pending,
                };
            }
            match call.poll_recv(cx)? {
                Poll::Ready(Some(Frame::Data(data))) => {
                    assert!(data.len() <= mecha_http::local::LIMIT);
                    back.extend_from_slice(&data);
                }
                Poll::Ready(other) => panic!("ended early: {other:?}"),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(mecha_base::Result::Ok(()))
    })
    .await
    .unwrap();
    assert!(back == body, "what came back differs");
    assert!(waited, "the sender never had to wait");
    assert_eq!((house.record().bytes_received, house.record().bytes_sent), (SIZE as u64, SIZE as u64));
}

#[tokio::test]
async fn what_one_method_moves_wakes_who_waits_in_another() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(forward("app"), vec![cluster("app", &[socket.local_addr().unwrap()])]));
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    });
    let mut body = Bytes::from(vec![0; 1 << 20]);
    let mut call = house.caller().call(post("/"), Length::Unknown);
    let sender = Arc::new(Bell::default());
    let waker = Waker::from(sender.clone());
    assert!(call.poll_send(&mut Context::from_waker(&waker), &mut body, true).is_pending());
    let room = poll_fn(|cx| {
        assert!(call.poll_head(cx).is_pending());
        if sender.0.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    });
    tokio::time::timeout(PATIENCE, room).await.unwrap();
}

/// A task that notes that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_body_of_another_length_than_announced_is_400() {
    let upstream = canned("").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    let mut call = house.caller().call(post("/"), Length::Known(3));
    call.send(Bytes::from_static(b"four"), true).await.unwrap();
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 400);
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(forward("app"), vec![cluster("app", &[socket.local_addr().unwrap()])]));
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut request = head_of(&mut stream).await.into_bytes();
        while !request.ends_with(b"0\r\nx-sum: 7\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0, "{request:?}");
        }
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-mark: 9\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let mut trailers = Headers::new();
    trailers.append("x-sum", b"7").unwrap();
    let mut call = house.caller().call(post("/"), Length::Unknown);
    call.send(Bytes::from_static(b"abc"), false).await.unwrap();
    call.send_end(Some(trailers));
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 200);
    let (body, trailers) = collect(&mut call).await;
    assert_eq!(&body[..], b"hi");
    assert_eq!(trailers.unwrap().get("x-mark"), Some(&b"9"[..]));
    upstream.await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_cancels_the_upstream_work() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let house = House::new(&config(forward("app"), vec![cluster("app", &[socket.local_addr().unwrap()])]));
    let (arrived, has_arrived) = oneshot::channel();
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        head_of(&mut stream).await;
        arrived.send(()).unwrap();
        // Ends when the other side closes.
        stream.read(&mut [0]).await.unwrap_or(0)
    });
    let mut call = house.caller().call(get("/slow"), Length::Empty);
    tokio::select! {
        answer = call.head() => panic!("answered: {:?}", answer.map(|(head, _)| head.status)),
        arrived = has_arrived => arrived.unwrap(),
    }
    assert_eq!(house.count(DownstreamStat::RequestActive), 1);
    drop(call);
    let read = tokio::time::timeout(PATIENCE, upstream).await.unwrap().unwrap();
    assert_eq!(read, 0, "the upstream saw the close");
    assert_eq!(house.count(DownstreamStat::RequestActive), 0);
    assert_eq!(house.count(DownstreamStat::RequestReset), 1);
    assert_eq!(house.record().response_code, Kind::ClientGone.status());
}

#[tokio::test]
async fn an_upstream_that_cuts_its_response_cuts_the_call() {
    let upstream = canned("HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nabc").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    let mut call = house.caller().call(get("/"), Length::Empty);
    call.head().await.unwrap();
    assert!(matches!(call.recv().await, Ok(Some(Frame::Data(data))) if &data[..] == b"abc"));
    assert_eq!(call.recv().await.unwrap_err().kind(), Kind::UpstreamReset);
}

#[tokio::test]
async fn informational_heads_reach_those_who_ask() {
    let upstream =
        canned("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    let mut call = house.caller().call(get("/"), Length::Empty);
    let (first, _) = poll_fn(|cx| call.poll_head(cx)).await.unwrap();
    assert_eq!((first.status.as_u16(), first.headers.get("link")), (103, Some(&b"</a>"[..])));
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 204);
}

#[tokio::test]
async fn the_version_of_the_head_decides_what_the_upstream_is_spoken_to_unless_the_route_does() {
    for (version, by_route, preface) in [
        (Version::Http11, None, false),
        (Version::Http2, None, true),
        (Version::Http2, Some(Protocol::Http1), false),
    ] {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut route = forward("app");
        if let Action::Forward(forward) = &mut route {
            forward.upstream_protocol = by_route;
        }
        let house = House::new(&config(route, vec![cluster("app", &[socket.local_addr().unwrap()])]));
        let mut request = get("/");
        request.version = version;
        let mut call = house.caller().call(request, Length::Empty);
        let first = async {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut first = [0; 3];
            stream.read_exact(&mut first).await.unwrap();
            first
        };
        let first = tokio::select! {
            first = first => first,
            _ = call.head() => panic!("answered by nobody"),
        };
        assert_eq!(&first == b"PRI", preface, "{version:?} {by_route:?}");
    }
}

#[tokio::test]
async fn limits_of_the_cluster_hold_for_calls() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = Limits { max_requests: 1, ..Limits::default() };
    let app = Cluster { limits, ..cluster("app", &[socket.local_addr().unwrap()]) };
    let house = House::new(&config(forward("app"), vec![app]));
    let mut first = house.caller().call(get("/"), Length::Empty);
    let accepted = async { head_of(&mut socket.accept().await.unwrap().0).await };
    tokio::select! {
        _ = first.head() => panic!("answered by nobody"),
        _ = accepted => {}
    }
    let mut second = house.caller().call(get("/"), Length::Empty);
    assert_eq!(second.head().await.unwrap().0.status.as_u16(), 503);
    assert!(house.record().flags.contains(ResponseFlags::UPSTREAM_OVERFLOW));
}

#[tokio::test]
async fn a_drain_waits_for_calls_and_closes_the_doors() {
    let upstream = canned("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    let (trigger, outer) = drain::new();
    let (inner_trigger, inner) = drain::new();
    let (_snapshots, snapshots) = watch::channel(Arc::default());
    let drains = mecha_proxy::Drains { outer, inner };
    let running = mecha_proxy::run(house.worker.clone(), Vec::new(), snapshots, drains);
    let mut running = std::pin::pin!(running);
    let mut call = house.caller().call(get("/"), Length::Empty);
    trigger.start(drain::Mode::Graceful);
    inner_trigger.start(drain::Mode::Graceful);
    let mut ended = async || poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_ready())).await;
    assert!(!ended().await);
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 200);
    collect(&mut call).await;
    assert!(!ended().await, "the call is still held");
    drop(call);
    assert!(ended().await);
    assert!(house.worker.caller(kit::DOOR).is_none());
}

#[tokio::test]
async fn only_listeners_that_take_requests_have_a_caller_and_only_on_their_thread() {
    let upstream = canned("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let house = House::new(&config(forward("app"), vec![cluster("app", &[upstream])]));
    house.open(&kit::tcp_listener("bytes", "app"));
    assert!(house.worker.caller("bytes").is_none());
    assert!(house.worker.caller("unknown").is_none());
    let caller = house.caller();
    let worker = house.worker.clone();
    let elsewhere = tokio::task::spawn_blocking(move || {
        let mut call = caller.call(get("/"), Length::Empty);
        let mut cx = Context::from_waker(Waker::noop());
        let kind = match call.poll_head(&mut cx) {
            Poll::Ready(Err(error)) => Some(error.kind()),
            _ => None,
        };
        (worker.caller(kit::DOOR).is_none(), kind)
    });
    assert_eq!(elsewhere.await.unwrap(), (true, Some(Kind::Internal)));
}

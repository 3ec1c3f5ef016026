//! RPC connections through a worker, where the ends behave badly: hosts that read nothing, clients that leave or send
//! garbage while requests are under way.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test is not called by anyone, and fails by a panic"
)]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::drain;
use mecha_codec::bolt;
use mecha_codec::rpc::{Decoded, Envelope, Kind, Limits, Protocol as Wire};
use mecha_config::cluster::HostAddress;
use mecha_config::route::{Action, Forward, RouteMatch, Target};
use mecha_config::{
    Cluster, Config, FilterChain, Host, HttpProxy, Listener, ListenerAddress, NetworkFilter, PoolMode,
    Protocol, Protocols, Route, Router, VirtualHost,
};
use mecha_metrics::Registry;
use mecha_proxy::{Doorway, Drains, Snapshot, Workers};

/// Far beyond what any of these tests needs; only one that would hang meets it.
const LIMIT: Duration = Duration::from_secs(20);

/// Bolt's statuses (MOSN reference 2.3).
const TIMEOUT: u16 = 7;
const SUCCESS: u16 = 0;

/// A connection, at either end.
struct Line {
    socket: TcpStream,
    input: BytesMut,
}

impl Line {
    fn new(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Line { socket, input: BytesMut::new() }
    }

    fn to(address: SocketAddr) -> Self {
        Line::new(TcpStream::connect(address).unwrap())
    }

    /// The next frame; `None` at the end.
    fn next(&mut self) -> Option<Envelope> {
        loop {
            if let Decoded::Frame(frame) =
                Wire::Bolt.codec().decode(&mut self.input, &Limits::default(), &mut Vec::new()).unwrap()
            {
                return Some(frame);
            }
            let mut piece = [0; 16 << 10];
            let count = self.socket.read(&mut piece).expect("bytes or an end in time");
            if count == 0 {
                return None;
            }
            self.input.extend_from_slice(&piece[..count]);
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    fn answer(&mut self, request: &Envelope) {
        let mut out = BytesMut::new();
        bolt::Response::to(request).write(&mut out).unwrap();
        self.send(&out);
    }
}

fn request(request: bolt::Request<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    request.write(&mut out).unwrap();
    out
}

fn ask(id: u64) -> BytesMut {
    request(bolt::Request { id, content: b"ask", ..bolt::Request::default() })
}

fn tell(id: u64) -> BytesMut {
    request(bolt::Request { id, one_way: true, content: b"tell", ..bolt::Request::default() })
}

/// A host, and a worker in front of it; the address of that.
fn stand(pool: PoolMode) -> (TcpListener, SocketAddr) {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = host.local_addr().unwrap();
    let bound = mecha_net::listener::bind_tcp(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
    let mecha_net::listener::Bound::Tcp(sockets) = &bound else { unreachable!("bound to TCP") };
    let address = sockets[0].local_addr().unwrap();
    let config = config(pool, upstream);
    let listener = mecha_proxy::Listener::new(&listener(address), address.port(), false, Vec::new());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let worker = Workers::new(1, Registry::new(1)).worker(0, &Snapshot::build(&config, None));
            let doorway = Doorway { listener, socket: mecha_net::Listener::start(bound).unwrap() };
            let (_outer_trigger, outer) = drain::new();
            let (_inner_trigger, inner) = drain::new();
            let (_snapshots, snapshots) = tokio::sync::watch::channel(Arc::default());
            mecha_proxy::run(worker, vec![doorway], snapshots, Drains { outer, inner }).await;
        });
    });
    (host, address)
}

/// The next connection that somebody makes to a host.
fn accept(host: &TcpListener) -> Line {
    let (told, heard) = mpsc::channel();
    let host = host.try_clone().unwrap();
    thread::spawn(move || told.send(host.accept().map(|(socket, _)| socket)));
    Line::new(heard.recv_timeout(LIMIT).expect("a connection in time").unwrap())
}

fn config(pool: PoolMode, upstream: SocketAddr) -> Config {
    let host = Host {
        address: HostAddress::Tcp(upstream),
        hostname: String::new(),
        weight: 1,
        metadata: Default::default(),
    };
    let cluster = Cluster { name: "app".to_owned(), hosts: vec![host], pool, ..Cluster::default() };
    let target = Target::Cluster("app".to_owned());
    let route = Route {
        matcher: RouteMatch::default(),
        action: Action::Forward(Box::new(Forward { target, ..Forward::default() })),
        filters: Vec::new(),
    };
    let host = VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
        ..VirtualHost::default()
    };
    let router = Router { name: "routes".to_owned(), virtual_hosts: vec![host], ..Router::default() };
    Config { routers: vec![router], clusters: vec![cluster], ..Config::default() }
}

fn listener(address: SocketAddr) -> Listener {
    let proxy = HttpProxy {
        downstream: Protocols::One(Protocol::Bolt),
        router: "routes".to_owned(),
        fallback: false,
        http1: Default::default(),
        http2: Default::default(),
        rpc: Default::default(),
        stream_idle_timeout: None,
    };
    Listener {
        name: "door".to_owned(),
        traffic: None,
        address: ListenerAddress::Tcp(address),
        bind: true,
        access_logs: Vec::new(),
        chain: FilterChain { filters: vec![NetworkFilter::Http(proxy)] },
        stream_filters: Vec::new(),
        idle_timeout: None,
        inspect_tls: false,
        read_buffer: 0,
    }
}

#[test]
fn a_host_that_reads_nothing_is_waited_for_no_longer_than_the_frame_says() {
    for pool in [PoolMode::Multiplex, PoolMode::PingPong, PoolMode::Binding] {
        let (host, address) = stand(pool);
        let mut client = Line::to(address);
        // The connection stands, so that nothing but the call itself takes time.
        client.send(&ask(1));
        let mut line = accept(&host);
        let asked = line.next().unwrap();
        line.answer(&asked);
        assert_eq!(client.next().unwrap().code, SUCCESS);
        // More than the sockets take.
        let content = vec![b'x'; 12 << 20];
        let timeout = Duration::from_millis(300);
        client.send(&request(bolt::Request { id: 2, timeout, content: &content, ..Default::default() }));
        let answer = client.next().expect("an answer");
        assert_eq!((answer.id, answer.code), (2, TIMEOUT), "{pool:?}");
    }
}

#[test]
fn what_wants_no_answer_arrives_although_its_client_has_left() {
    for pool in [PoolMode::Multiplex, PoolMode::PingPong, PoolMode::Binding] {
        let (host, address) = stand(pool);
        let mut client = Line::to(address);
        client.send(&[tell(1), tell(2), tell(3)].concat());
        drop(client);
        let (told, heard) = mpsc::channel();
        thread::spawn(move || {
            for socket in host.incoming() {
                let (mut line, told) = (Line::new(socket.unwrap()), told.clone());
                thread::spawn(move || {
                    while let Some(frame) = line.next() {
                        let _ = told.send(frame);
                    }
                });
            }
        });
        for _ in 0..3 {
            let frame = heard.recv_timeout(LIMIT).expect("what was told");
            assert_eq!((frame.kind, frame.payload()), (Kind::OneWay, &b"tell"[..]), "{pool:?}");
        }
    }
}

#[test]
fn what_came_before_garbage_is_answered() {
    let (host, address) = stand(PoolMode::Multiplex);
    let mut client = Line::to(address);
    client.send(&[&ask(5)[..], b"\x01 this is no frame, whatever its first byte says"].concat());
    let mut line = accept(&host);
    let asked = line.next().unwrap();
    line.answer(&asked);
    let answer = client.next().unwrap();
    assert_eq!((answer.id, answer.code), (5, SUCCESS));
}

#[test]
fn a_client_that_leaves_ends_its_requests_and_no_others() {
    let (host, address) = stand(PoolMode::Multiplex);
    let (mut leaving, mut staying) = (Line::to(address), Line::to(address));
    leaving.send(&ask(1));
    let mut line = accept(&host);
    let lost = line.next().unwrap();
    staying.send(&ask(1));
    let kept = line.next().unwrap();
    leaving.socket.shutdown(Shutdown::Both).unwrap();
    line.answer(&lost);
    line.answer(&kept);
    assert_eq!(staying.next().map(|answer| (answer.id, answer.code)), Some((1, SUCCESS)));
    staying.send(&ask(2));
    let asked = line.next().unwrap();
    line.answer(&asked);
    assert_eq!(staying.next().map(|answer| (answer.id, answer.code)), Some((2, SUCCESS)));
}

#[test]
fn requests_that_nobody_answers_keep_little_memory() {
    let (host, address) = stand(PoolMode::Multiplex);
    let client = Line::to(address);
    let content = vec![b'x'; 4 << 20];
    let large = request(bolt::Request { content: &content, ..Default::default() });
    let mut writer = client.socket.try_clone().unwrap();
    writer.set_write_timeout(Some(LIMIT)).unwrap();
    let sender = thread::spawn(move || {
        let sent = (0..12).map_while(|_| writer.write_all(&large).ok()).count();
        (writer, sent)
    });
    let mut line = accept(&host);
    let first: Vec<Envelope> = (0..4).map(|_| line.next().unwrap()).collect();
    line.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // Four of them are the limit.
    let more = line.socket.peek(&mut [0]).ok();
    assert_eq!((more, line.input.len()), (None, 0), "more came than is kept");
    line.socket.set_read_timeout(Some(LIMIT)).unwrap();
    first.iter().for_each(|request| line.answer(request));
    for _ in 4..12 {
        let request = line.next().unwrap();
        line.answer(&request);
    }
    assert_eq!(sender.join().unwrap().1, 12);
}

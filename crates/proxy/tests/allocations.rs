//! A frame that passes through costs no memory of its own but its share of the buffers it is read into and written from:
//! after the first requests a worker allocates nothing else, whatever the exchange does with them. With one request at a
//! time, buffers are lent and given back, and nothing at all is allocated.
//!
//! With `MECHA_SHOW_ALLOCATIONS` set and `--nocapture`, what is still allocated is shown with the places where.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test is not called by anyone, and fails by a panic; counting what is allocated takes an allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::BytesMut;
use mecha_base::drain;
use mecha_codec::rpc::{Decoded, Envelope, Limits, Protocol as Wire};
use mecha_codec::{bolt, dubbo};
use mecha_config::cluster::HostAddress;
use mecha_config::route::{Action, Forward, HeaderMatch, RouteMatch, Target, ValueMatch};
use mecha_config::{
    Cluster, Config, FilterChain, Host, HttpProxy, Listener, ListenerAddress, NetworkFilter, PoolMode,
    Protocol, Protocols, Route, Router, VirtualHost,
};
use mecha_metrics::Registry;
use mecha_proxy::access::{AccessQueue, AccessRecord, AccessSink, Captures};
use mecha_proxy::{Doorway, Drains, Snapshot, Workers};
use parking_lot::Mutex;

/// Bytes of the application in each frame.
const PAYLOAD: usize = 1024;
/// Requests in flight at once.
const IN_FLIGHT: usize = 8;
/// Rounds of so many requests until everything that is kept has been made, and those that are counted.
const WARM_ROUNDS: usize = 200;
const ROUNDS: usize = 500;

/// Allocations from so many bytes on are buffers.
const BUFFER: usize = 4096;
/// Buffers for each request with its answer: several share one.
const BUFFERS_AT_MOST: f64 = 1.0;
/// Other allocations, but for the counter that a buffer which frames share has beside it.
const OTHERS_AT_MOST: f64 = 0.1;
/// Allocations of any kind, one request at a time.
const ALONE_AT_MOST: f64 = 0.05;

struct Counting;

static BUFFERS: AtomicU64 = AtomicU64::new(0);
static OTHERS: AtomicU64 = AtomicU64::new(0);
static SHOWS: AtomicBool = AtomicBool::new(false);
static PLACES: Mutex<Vec<(usize, String)>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether this thread's allocations are counted.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn note(size: usize) {
    if COUNTED.get() {
        let count = if size >= BUFFER { &BUFFERS } else { &OTHERS };
        count.fetch_add(1, Ordering::Relaxed);
        if SHOWS.load(Ordering::Relaxed) {
            COUNTED.set(false);
            let place = Backtrace::force_capture().to_string();
            PLACES.lock().push((size, place));
            COUNTED.set(true);
        }
    }
}

// SAFETY: every call goes to the system's allocator as it came; only counts are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `alloc` above, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations for each request with its answer.
struct Each {
    buffers: f64,
    others: f64,
}

/// One test: counting is of the whole process.
#[test]
fn frames_pass_without_allocations_of_their_own() {
    for wire in [Wire::Bolt, Wire::BoltV2, Wire::Dubbo] {
        let Each { buffers, others } = allocations(wire, PoolMode::Multiplex, IN_FLIGHT);
        println!("{}, multiplexed: {buffers:.3} buffers and {others:.3} others a request", wire.name());
        assert!(buffers <= BUFFERS_AT_MOST && others - buffers <= OTHERS_AT_MOST, "{}", wire.name());
        let Each { buffers, others } = allocations(wire, PoolMode::PingPong, 1);
        println!("{}, one at a time: {buffers:.3} buffers and {others:.3} others a request", wire.name());
        assert!(buffers + others <= ALONE_AT_MOST, "{}", wire.name());
    }
}

/// Of the proxy's thread, in the long run.
fn allocations(wire: Wire, pool: PoolMode, in_flight: usize) -> Each {
    let mut client = TcpStream::connect(proxy(wire, pool, server(wire))).unwrap();
    client.set_nodelay(true).unwrap();
    for round in 0..WARM_ROUNDS {
        ask(&mut client, wire, round, in_flight);
    }
    let shows = std::env::var_os("MECHA_SHOW_ALLOCATIONS").is_some();
    let counts = || [&BUFFERS, &OTHERS].map(|count| count.load(Ordering::Relaxed));
    let before = counts();
    SHOWS.store(shows, Ordering::Relaxed);
    for round in 0..ROUNDS {
        ask(&mut client, wire, WARM_ROUNDS + round, in_flight);
    }
    SHOWS.store(false, Ordering::Relaxed);
    let after = counts();
    for (size, place) in PLACES.lock().drain(..) {
        eprintln!("--- {size} bytes\n{place}");
    }
    let each = |at: usize| (after[at] - before[at]) as f64 / (ROUNDS * in_flight) as f64;
    Each { buffers: each(0), others: each(1) }
}

/// Sends so many requests by one write and reads their answers.
fn ask(client: &mut TcpStream, wire: Wire, round: usize, in_flight: usize) {
    let ids = (round * in_flight) as u64..((round + 1) * in_flight) as u64;
    let mut requests = BytesMut::new();
    ids.clone().for_each(|id| request(wire, id, &mut requests));
    client.write_all(&requests).unwrap();
    let (mut input, mut answered) = (BytesMut::new(), Vec::new());
    while answered.len() < in_flight {
        let frame = next(client, wire, &mut input).expect("an answer");
        assert_eq!((frame.status, frame.payload().len() >= PAYLOAD), (200, true));
        answered.push(frame.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, ids.collect::<Vec<_>>());
}

/// The next frame of a connection; `None` at its end.
fn next(stream: &mut TcpStream, wire: Wire, input: &mut BytesMut) -> Option<Envelope> {
    loop {
        match wire.codec().decode(input, &Limits::default(), &mut Vec::new()).unwrap() {
            Decoded::Frame(frame) => return Some(frame),
            Decoded::More { .. } => {
                let mut piece = [0; 16 << 10];
                let count = stream.read(&mut piece).unwrap_or(0);
                if count == 0 {
                    return None;
                }
                input.extend_from_slice(&piece[..count]);
            }
        }
    }
}

fn request(wire: Wire, id: u64, out: &mut BytesMut) {
    if wire == Wire::Dubbo {
        let attachments: &[(&[u8], &[u8])] =
            &[(b"path", b"shop.Orders"), (b"interface", b"shop.Orders"), (b"version", b"1.0.0")];
        dubbo::build::Request {
            id,
            one_way: false,
            dubbo_version: dubbo::build::DUBBO_VERSION,
            service: "shop.Orders",
            version: "1.0.0",
            method: "list",
            parameter_types: "Ljava/lang/String;",
            arguments: &text(),
            attachments,
        }
        .write(out);
    } else {
        let fields: &[(&[u8], &[u8])] =
            &[(b"service", b"shop.Orders:1.0"), (b"sofa_head_method_name", b"list")];
        let class = b"com.alipay.sofa.rpc.core.request.SofaRequest";
        let content = &[b'a'; PAYLOAD];
        bolt::Request { protocol: wire, id, class, fields, content, ..bolt::Request::default() }
            .write(out)
            .unwrap();
    }
}

/// A string of Hessian 2.0.
fn text() -> Vec<u8> {
    let mut text = vec![b'S', (PAYLOAD >> 8) as u8, PAYLOAD as u8];
    text.resize(text.len() + PAYLOAD, b'a');
    text
}

fn response(request: &Envelope, out: &mut BytesMut) {
    if request.protocol == Wire::Dubbo {
        let body = dubbo::build::Body::Value(&text());
        dubbo::build::Response { id: request.id, body, attachments: None }.write(out);
    } else {
        let content = &[b'a'; PAYLOAD];
        bolt::Response { content, ..bolt::Response::to(request) }.write(out).unwrap();
    }
}

/// A server on threads of its own, one for each connection; its address. It answers in the order of the requests.
fn server(wire: Wire) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
                while let Some(request) = next(&mut stream, wire, &mut input) {
                    response(&request, &mut output);
                    stream.write_all(&output.split()).unwrap();
                }
            });
        }
    });
    address
}

/// A worker on a thread of its own, which is counted; its address.
fn proxy(wire: Wire, pool: PoolMode, upstream: SocketAddr) -> SocketAddr {
    let bound = mecha_net::listener::bind_tcp(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
    let mecha_net::listener::Bound::Tcp(sockets) = &bound else { unreachable!("bound to TCP") };
    let address = sockets[0].local_addr().unwrap();
    let config = config(pool, upstream);
    let listener = mecha_proxy::Listener::new(&listener(wire, address), address.port(), false, sinks());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let worker = Workers::new(1, Registry::new(1)).worker(0, &Snapshot::build(&config, None));
            let doorway = Doorway { listener, socket: mecha_net::Listener::start(bound).unwrap() };
            let (_outer_trigger, outer) = drain::new();
            let (_inner_trigger, inner) = drain::new();
            let (_snapshots, snapshots) = tokio::sync::watch::channel(Arc::default());
            COUNTED.set(true);
            mecha_proxy::run(worker, vec![doorway], snapshots, Drains { outer, inner }).await;
        });
    });
    address
}

/// Routed by service.
fn config(pool: PoolMode, upstream: SocketAddr) -> Config {
    let host = Host {
        address: HostAddress::Tcp(upstream),
        hostname: String::new(),
        weight: 1,
        metadata: Default::default(),
    };
    let cluster = Cluster { name: "orders".to_owned(), hosts: vec![host], pool, ..Cluster::default() };
    let target = Target::Cluster("orders".to_owned());
    let route = Route {
        matcher: RouteMatch {
            headers: vec![HeaderMatch { name: "service".to_owned(), value: ValueMatch::Present }],
            ..RouteMatch::default()
        },
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

fn listener(wire: Wire, address: SocketAddr) -> Listener {
    let protocol = match wire {
        Wire::BoltV2 => Protocol::BoltV2,
        Wire::Dubbo => Protocol::Dubbo,
        _ => Protocol::Bolt,
    };
    let proxy = HttpProxy {
        downstream: Protocols::One(protocol),
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

/// An access log of the default format, which is thrown away.
struct Nowhere(Captures);

impl AccessSink for Nowhere {
    fn captures(&self) -> &Captures {
        &self.0
    }

    fn open(&self, _worker: usize) -> Box<dyn AccessQueue> {
        Box::new(Gone)
    }
}

struct Gone;

impl AccessQueue for Gone {
    fn push(&mut self, _record: AccessRecord) {}

    fn flush(&mut self) {}
}

fn sinks() -> Vec<Arc<dyn AccessSink>> {
    vec![Arc::new(Nowhere(Captures::default()))]
}

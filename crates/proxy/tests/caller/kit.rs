//! One worker with one door that has no socket, what it logs and counts, and the small things calls are made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use mecha_config::cluster::HostAddress;
use mecha_config::route::{Forward, RouteMatch, Target};
use mecha_config::{
    Action, Cluster, Config, FilterChain, Host, HttpProxy, Listener, ListenerAddress, NetworkFilter,
    Protocol, Protocols, Route, Router, StreamFilter, TcpProxy, VirtualHost,
};
use mecha_http::{Frame, Headers, Method, RequestHead, Version};
use mecha_metrics::{CallKind, CallStat, DownstreamStat, Registry};
use mecha_proxy::access::{AccessQueue, AccessRecord, AccessSink, Captures};
use mecha_proxy::{Call, Caller, Snapshot, Worker, Workers};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// The name of the door.
pub(crate) const DOOR: &str = "inside";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One worker with one door.
pub(crate) struct House {
    pub(crate) worker: Arc<Worker>,
    registry: Arc<Registry>,
    sink: Arc<Sink>,
}

impl House {
    pub(crate) fn new(config: &Config) -> Self {
        Self::filtering(config, Vec::new())
    }

    /// With stream filters on its door.
    pub(crate) fn filtering(config: &Config, filters: Vec<StreamFilter>) -> Self {
        let registry = Registry::new(1);
        let worker = Workers::new(1, registry.clone()).worker(0, &Snapshot::build(config, None));
        let house = House { worker, registry, sink: Arc::default() };
        house.open(&Listener { stream_filters: filters, ..http_listener() });
        house
    }

    pub(crate) fn open(&self, listener: &Listener) {
        self.worker.open(mecha_proxy::Listener::new(listener, 0, false, vec![self.sink.clone()]));
    }

    pub(crate) fn caller(&self) -> Caller {
        self.worker.caller(DOOR).unwrap()
    }

    pub(crate) fn count(&self, stat: DownstreamStat) -> i64 {
        self.registry.listener(DOOR).value(stat)
    }

    /// Requests, successes and failures of a method by gRPC.
    pub(crate) fn grpc_calls(&self, service: &str, method: &str) -> [u64; 3] {
        let scope = self.registry.call(CallKind::Grpc, DOOR, service.as_bytes(), method.as_bytes()).unwrap();
        [CallStat::RequestTotal, CallStat::ResponseSuccTotal, CallStat::ResponseFailTotal]
            .map(|stat| scope.value(stat))
    }

    pub(crate) fn records(&self) -> Vec<AccessRecord> {
        self.sink.records.lock().clone()
    }

    /// The last.
    pub(crate) fn record(&self) -> AccessRecord {
        self.records().pop().unwrap()
    }
}

struct Sink {
    captures: Captures,
    records: Arc<Mutex<Vec<AccessRecord>>>,
}

impl Default for Sink {
    fn default() -> Self {
        let names = |name: &str| vec![name.to_owned()];
        let captures =
            Captures { request: names("x-client"), response: names("x-from"), target: true, called: true };
        Sink { captures, records: Arc::default() }
    }
}

impl AccessSink for Sink {
    fn captures(&self) -> &Captures {
        &self.captures
    }

    fn open(&self, _worker: usize) -> Box<dyn AccessQueue> {
        Box::new(Queue(self.records.clone()))
    }
}

struct Queue(Arc<Mutex<Vec<AccessRecord>>>);

impl AccessQueue for Queue {
    fn push(&mut self, record: AccessRecord) {
        self.0.lock().push(record);
    }

    fn flush(&mut self) {}
}

/// Everything by this route.
pub(crate) fn config(action: Action, clusters: Vec<Cluster>) -> Config {
    let route = Route { matcher: RouteMatch::default(), action, filters: Vec::new() };
    let host = VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
        ..VirtualHost::default()
    };
    let router = Router { name: "routes".to_owned(), virtual_hosts: vec![host], ..Router::default() };
    Config { routers: vec![router], clusters, ..Config::default() }
}

pub(crate) fn forward(cluster: &str) -> Action {
    let target = Target::Cluster(cluster.to_owned());
    Action::Forward(Box::new(Forward { target, ..Forward::default() }))
}

pub(crate) fn cluster(name: &str, hosts: &[SocketAddr]) -> Cluster {
    let host = |address: &SocketAddr| Host {
        address: HostAddress::Tcp(*address),
        hostname: String::new(),
        weight: 1,
        metadata: Default::default(),
    };
    Cluster { name: name.to_owned(), hosts: hosts.iter().map(host).collect(), ..Cluster::default() }
}

fn http_listener() -> Listener {
    let proxy = HttpProxy {
        downstream: Protocols::One(Protocol::Http1),
        router: "routes".to_owned(),
        fallback: false,
        http1: Default::default(),
        http2: Default::default(),
        rpc: Default::default(),
        stream_idle_timeout: None,
    };
    listener(DOOR, NetworkFilter::Http(proxy))
}

pub(crate) fn tcp_listener(name: &str, cluster: &str) -> Listener {
    let proxy = TcpProxy { cluster: Some(cluster.to_owned()), ..TcpProxy::default() };
    listener(name, NetworkFilter::Tcp(proxy))
}

fn listener(name: &str, filter: NetworkFilter) -> Listener {
    Listener {
        name: name.to_owned(),
        traffic: None,
        address: ListenerAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))),
        bind: false,
        access_logs: Vec::new(),
        chain: FilterChain { filters: vec![filter] },
        stream_filters: Vec::new(),
        idle_timeout: None,
        inspect_tls: false,
        read_buffer: 0,
    }
}

pub(crate) fn get(target: &str) -> RequestHead {
    request(Method::GET, target)
}

pub(crate) fn post(target: &str) -> RequestHead {
    request(Method::POST, target)
}

fn request(method: Method, target: &str) -> RequestHead {
    let mut headers = Headers::new();
    headers.append("x-client", b"me").unwrap();
    let authority = ByteString::from_static("shop");
    RequestHead { version: Version::Http11, method, authority, target: target.into(), headers, rpc: None }
}

/// The rest of a response: its body, and its trailers when it has some.
pub(crate) async fn collect(call: &mut Call) -> (Vec<u8>, Option<Headers>) {
    let mut body = Vec::new();
    loop {
        match call.recv().await.unwrap() {
            Some(Frame::Data(data)) => body.extend_from_slice(&data),
            Some(Frame::Trailers(trailers)) => return (body, Some(trailers)),
            None => return (body, None),
        }
    }
}

/// An address at which nobody listens.
pub(crate) async fn dead_host() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Reads a request up to the end of its head, and whatever of its body came with it.
pub(crate) async fn head_of(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "closed inside a head");
    }
    String::from_utf8(text).unwrap()
}

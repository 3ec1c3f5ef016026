//! What the tests of the pools share: a worker's pools with a cluster of one host, calls over them, and the host, which
//! says nothing of its own accord.

mod bound;
mod exclusive;
mod limits;
mod shared;

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::{Kind, Result};
use mecha_cluster::{Cluster, ClusterSet, Host};
use mecha_codec::rpc::{Decoded, Envelope, Limits, Protocol};
use mecha_codec::{bolt, dubbo};
use mecha_config::cluster::{self as config, HostAddress, PoolMode};
use mecha_http::{Length, ResponseHead};
use mecha_metrics::{Registry, UpstreamStat};
use mecha_rpc::head::request_head;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Bound, Pools, Queues, RpcLease};

/// The name of the cluster.
const CLUSTER: &str = "peers";
/// Far beyond what any of these tests needs; only one that would hang meets it.
const LIMIT: Duration = Duration::from_secs(20);
/// How long unused connections are kept, where a test says so.
const IDLE: Duration = Duration::from_secs(1);

/// The result of `future`, which must come.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it never came")
}

/// Two workers' pools, as one thread may have them, and a cluster.
struct House {
    registry: Arc<Registry>,
    pools: [Arc<Pools>; 2],
    cluster: Arc<Cluster>,
    ids: AtomicU64,
}

impl House {
    fn new(hosts: &[&Peer], mode: PoolMode, change: impl FnOnce(&mut config::Cluster)) -> Self {
        let hosts = hosts.iter().map(|peer| peer.config()).collect();
        let mut config =
            config::Cluster { name: CLUSTER.to_owned(), hosts, pool: mode, ..config::Cluster::default() };
        change(&mut config);
        let registry = Registry::new(2);
        let queues = Arc::new(Queues::new(2));
        let pools = [0, 1].map(|worker| Arc::new(Pools::new(worker, registry.clone(), queues.clone())));
        let cluster = ClusterSet::build(&[config], None).get(CLUSTER).cloned().unwrap();
        House { registry, pools, cluster, ids: AtomicU64::new(1) }
    }

    fn host(&self) -> &Arc<Host> {
        &self.cluster.hosts()[0]
    }

    fn count(&self, stat: UpstreamStat) -> i64 {
        self.registry.cluster(CLUSTER).value(stat)
    }

    async fn lease(&self, worker: usize, protocol: Protocol, bound: Option<&Bound>) -> Result<RpcLease> {
        let host = bound.and_then(|bound| bound.host(&self.cluster));
        let host = host.as_ref().unwrap_or(self.host());
        let id = || self.ids.fetch_add(1, Ordering::Relaxed);
        soon(self.pools[worker].rpc(&self.cluster, host, protocol, bound, id)).await
    }

    /// Sends a request in Bolt from the first worker.
    async fn call(&self, text: &str) -> Result<Call> {
        Call::send(self.lease(0, Protocol::Bolt, None).await?, Protocol::Bolt, text)
    }

    /// Sends a request in Bolt for a client's connection.
    async fn call_bound(&self, bound: &Bound, text: &str) -> Result<Call> {
        Call::send(self.lease(0, Protocol::Bolt, Some(bound)).await?, Protocol::Bolt, text)
    }

    /// Looks after the pools as a worker does, when so much time has passed.
    async fn sweep_after(&self, time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
        self.pools[0].sweep();
    }
}

/// A request that was sent.
struct Call {
    lease: RpcLease,
    /// An answer that was there at once.
    early: Option<Result<(ResponseHead, Length)>>,
}

impl Call {
    fn send(mut lease: RpcLease, protocol: Protocol, text: &str) -> Result<Self> {
        let (frame, fields) = decode(protocol, &mut request(protocol, text)).unwrap();
        lease.send(&request_head(frame, fields))?;
        // As whoever waits for the answer does first: it leaves by this.
        let early = match lease.poll_head(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        };
        Ok(Call { lease, early })
    }

    /// The answer's text; the connection is given back then.
    async fn answer(mut self) -> Result<String> {
        let (head, _) = match self.early.take() {
            Some(answer) => answer?,
            None => soon(poll_fn(|cx| self.lease.poll_head(cx))).await?,
        };
        self.lease.done();
        let payload = head.rpc.unwrap().payload().to_vec();
        Ok(String::from_utf8(payload).unwrap())
    }
}

fn request(protocol: Protocol, text: &str) -> BytesMut {
    let mut out = BytesMut::new();
    if protocol == Protocol::Dubbo {
        let arguments = [&[text.len() as u8], text.as_bytes()].concat();
        let request = dubbo::build::Request {
            id: 7,
            one_way: false,
            dubbo_version: dubbo::build::DUBBO_VERSION,
            service: "org.example.Greeter",
            version: "1.0.0",
            method: "greet",
            parameter_types: "Ljava/lang/String;",
            arguments: &arguments,
            attachments: &[],
        };
        request.write(&mut out);
    } else {
        let request = bolt::Request { protocol, id: 7, content: text.as_bytes(), ..bolt::Request::default() };
        request.write(&mut out).unwrap();
    }
    out
}

fn decode(protocol: Protocol, input: &mut BytesMut) -> Option<(Envelope, Vec<mecha_codec::http1::Field>)> {
    let mut fields = Vec::new();
    if input.is_empty() {
        return None;
    }
    match protocol.codec().decode(input, &Limits::default(), &mut fields).unwrap() {
        Decoded::Frame(frame) => Some((frame, fields)),
        Decoded::More { .. } => None,
    }
}

/// A host.
struct Peer(TcpListener);

impl Peer {
    async fn new() -> Self {
        Peer(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn config(&self) -> config::Host {
        config::Host {
            address: HostAddress::Tcp(self.0.local_addr().unwrap()),
            hostname: String::new(),
            weight: 1,
            metadata: Default::default(),
        }
    }

    /// The next connection that somebody made.
    async fn accept(&self) -> Line {
        let (socket, _) = soon(self.0.accept()).await.unwrap();
        Line { socket, protocol: Protocol::Bolt, input: BytesMut::new() }
    }
}

/// A connection as the host sees it.
struct Line {
    socket: TcpStream,
    protocol: Protocol,
    input: BytesMut,
}

impl Line {
    /// The next frame; `None` when the connection was closed.
    async fn next(&mut self) -> Option<Envelope> {
        loop {
            if let Some((frame, _)) = decode(self.protocol, &mut self.input) {
                return Some(frame);
            }
            if soon(self.socket.read_buf(&mut self.input)).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// The next frame, which says this.
    async fn expect(&mut self, text: &str) -> Envelope {
        let frame = self.next().await.expect("a request");
        assert!(frame.raw.ends_with(text.as_bytes()), "{:?} does not say {text}", frame.raw);
        frame
    }

    /// Answers a request.
    async fn answer(&mut self, request: &Envelope, text: &str) {
        let mut out = BytesMut::new();
        let content = text.as_bytes();
        bolt::Response { content, ..bolt::Response::to(request) }.write(&mut out).unwrap();
        self.socket.write_all(&out).await.unwrap();
    }

    /// Answers the next request, which says this, with the same.
    async fn echo(&mut self, text: &str) {
        let frame = self.expect(text).await;
        self.answer(&frame, text).await;
    }

    /// Waits until the connection was closed, without another request.
    async fn closed(&mut self) {
        assert!(self.next().await.is_none(), "another request came");
    }
}

fn kind<T>(outcome: Result<T>) -> Kind {
    match outcome {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.kind(),
    }
}

//! Connections in `PoolMode::Binding`: in each cluster, a client's connection has one upstream connection of its own,
//! for as long as both stand (MOSN reference 2.4). It has no idle time: the client's connection says when it ends.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_cluster::{Cluster, Host};
use mecha_codec::rpc::Protocol;
use mecha_rpc::client::ClientConnection;
use tokio::sync::oneshot;

use super::driven::{self, Drive, Handle, Lease};
use super::limit::{Granted, overflow};
use super::metrics::UpstreamMetrics;
use super::pool::Pools;
use super::rpc::RpcLease;
use super::shared::opened;

/// The upstream connections of one client's connection. They close when it is dropped and nothing is in flight.
pub(crate) struct Bound(Arc<WorkerCell<Ties>>);

#[derive(Default)]
struct Ties {
    /// No more than the clusters that requests of one connection are routed to.
    list: Vec<Tie>,
    ended: bool,
    /// Is told when one has ended.
    owner: Option<Waker>,
}

struct Tie {
    cluster: Arc<str>,
    protocol: Protocol,
    host: Arc<Host>,
    link: Link,
}

enum Link {
    /// It is being made; requests wait for it.
    Opening(Vec<oneshot::Sender<Kind>>),
    Open(Handle<ClientConnection>, UpstreamMetrics),
    /// It has ended, and so should the client's connection.
    Over,
}

/// What a request finds.
enum Found {
    Lease(Lease<ClientConnection>),
    Opening(oneshot::Receiver<Kind>, Arc<Host>),
    /// Nothing: it is to open the connection.
    Nothing,
}

impl Bound {
    /// Without upstream connections. It belongs to the thread that made it.
    pub(crate) fn new() -> Self {
        Bound(Arc::new(WorkerCell::new(Ties::default())))
    }

    /// The host that requests to this cluster go to, once there is one.
    pub(crate) fn host(&self, cluster: &Cluster) -> Option<Arc<Host>> {
        let ties = self.0.borrow()?;
        ties.list.iter().find(|tie| tie.cluster == cluster.name).map(|tie| tie.host.clone())
    }

    /// Ready when an upstream connection has ended. The caller is woken then; there is one caller.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.0.borrow() {
            Some(ties) if ties.ended => Poll::Ready(()),
            Some(mut ties) => {
                match &mut ties.owner {
                    Some(owner) => owner.clone_from(cx.waker()),
                    owner => *owner = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }

    /// The right to send a request, or what comes before it; the caller that finds nothing is the one who opens.
    fn find(&self, cluster: &Cluster, host: &Arc<Host>, protocol: Protocol) -> Result<Found> {
        let mut ties = self.0.borrow().ok_or_else(wrong_thread)?;
        let Some(tie) = ties.find(&cluster.name, protocol) else {
            let link = Link::Opening(Vec::new());
            ties.list.push(Tie { cluster: cluster.name.clone(), protocol, host: host.clone(), link });
            return Ok(Found::Nothing);
        };
        match &mut tie.link {
            Link::Opening(waiters) => {
                let (tell, told) = oneshot::channel();
                waiters.push(tell);
                Ok(Found::Opening(told, tie.host.clone()))
            }
            Link::Open(handle, metrics) => {
                if !handle.is_open() {
                    return Err(over());
                }
                if !handle.has_room() {
                    return Err(overflow());
                }
                handle.count_traffic(metrics);
                Ok(Found::Lease(handle.lease()))
            }
            Link::Over => Err(over()),
        }
    }
}

impl Ties {
    fn find(&mut self, cluster: &str, protocol: Protocol) -> Option<&mut Tie> {
        self.list.iter_mut().find(|tie| tie.protocol == protocol && *tie.cluster == *cluster)
    }

    /// The connection of this number has ended.
    fn end(&mut self, id: u64) {
        let is_it = |tie: &&mut Tie| matches!(&tie.link, Link::Open(handle, _) if handle.id == id);
        if let Some(tie) = self.list.iter_mut().find(is_it) {
            tie.link = Link::Over;
        }
        self.ended = true;
        if let Some(owner) = self.owner.take() {
            owner.wake();
        }
    }
}

/// A connection that is being made. Dropped before it stands, those who wait for it are told to look again.
struct Opening<'b> {
    bound: &'b Bound,
    cluster: &'b str,
    protocol: Protocol,
}

impl Opening<'_> {
    fn stands(
        self,
        mut handle: Handle<ClientConnection>,
        metrics: UpstreamMetrics,
        drive: Drive<ClientConnection>,
    ) -> Result<Lease<ClientConnection>> {
        let mut ties = self.bound.0.borrow().ok_or_else(wrong_thread)?;
        let (lease, id) = (handle.lease(), handle.id);
        if let Some(tie) = ties.find(self.cluster, self.protocol) {
            tie.link = Link::Open(handle, metrics);
        }
        drop(ties);
        // Whoever owns the connections must be able to let go of them.
        let ties = Arc::downgrade(&self.bound.0);
        tokio::spawn(async move {
            drive.run().await;
            if let Some(ties) = ties.upgrade()
                && let Some(mut ties) = ties.borrow()
            {
                ties.end(id);
            }
        });
        Ok(lease)
    }

    /// It can't be made: those who wait for it have failed too.
    fn fails(self, kind: Kind) {
        for waiter in self.forget() {
            let _ = waiter.send(kind);
        }
    }

    fn forget(&self) -> Vec<oneshot::Sender<Kind>> {
        let Some(mut ties) = self.bound.0.borrow() else { return Vec::new() };
        let is_it = |tie: &Tie| {
            tie.protocol == self.protocol
                && *tie.cluster == *self.cluster
                && matches!(tie.link, Link::Opening(_))
        };
        let Some(at) = ties.list.iter().position(is_it) else { return Vec::new() };
        match ties.list.remove(at).link {
            Link::Opening(waiters) => waiters,
            Link::Open(..) | Link::Over => Vec::new(),
        }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Pools {
    /// The right to send one request on the connection that `bound` has in the cluster. The first request opens it, to
    /// `host`.
    ///
    /// # Errors
    /// As [`Pools::rpc`].
    pub(super) async fn bound(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        protocol: Protocol,
        bound: &Bound,
        id: impl Fn() -> u64,
    ) -> Result<RpcLease> {
        loop {
            match bound.find(cluster, host, protocol)? {
                Found::Lease(lease) => return Ok(RpcLease::of(lease)),
                Found::Opening(told, host) => opened(told, &host).await?,
                Found::Nothing => {
                    let opening = Opening { bound, cluster: &cluster.name, protocol };
                    let lease = Box::pin(self.bind(cluster, host, protocol, opening, id())).await?;
                    return Ok(RpcLease::of(lease));
                }
            }
        }
    }

    async fn bind(
        &self,
        cluster: &Cluster,
        host: &Arc<Host>,
        protocol: Protocol,
        opening: Opening<'_>,
        id: u64,
    ) -> Result<Lease<ClientConnection>> {
        let (held, metrics) = match self.place(cluster, host, || None::<Never>).await? {
            Granted::New(held, metrics) => (held, metrics),
            Granted::Instead(never) => match never {},
        };
        let granted = (held, metrics.clone());
        match driven::open(cluster, host, self.opening(protocol), granted, Arc::default(), id).await {
            Ok((handle, drive)) => opening.stands(handle, metrics, drive),
            Err(error) => {
                opening.fails(error.kind());
                Err(error)
            }
        }
    }
}

/// Nothing makes a bound connection needless.
enum Never {}

/// Nothing was sent, but no other connection will do.
fn over() -> Error {
    Error::upstream(Kind::UpstreamReset, "the connection that the client's is bound to has ended")
        .retry_when(RetrySafety::No)
}

fn wrong_thread() -> Error {
    Error::local(Kind::Internal, "bound connections were used outside of their worker")
}

//! One try: a connection to the chosen host, and what is counted about it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use mecha_base::{Error, Kind, Result};
use mecha_cluster::{Cluster, Host, Speaks};
use mecha_config::proxy::Protocol;
use mecha_filter::Choice;
use mecha_http::{Length, Method};
use mecha_metrics::{UpstreamHistogram, UpstreamStat};
use mecha_resilience::Timeouts;
use mecha_route::ForwardPlan;
use tokio::time::Instant;

use super::forward::Plan;
use super::upstream::Upstream;
use super::{Exchange, Request};
use crate::listener::Door;
use crate::protocol::{rpc_spoken, spoken_by};
use crate::upstream::UpstreamMetrics;

/// The counters of one try; ends the try when dropped.
pub(super) struct Attempt {
    pub(super) host: Arc<Host>,
    metrics: Option<UpstreamMetrics>,
    start: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Sent,
    Answered,
    Over,
}

impl Attempt {
    pub(super) fn begin(door: &Door, cluster: &Cluster, host: &Arc<Host>) -> Self {
        let metrics = door.worker.pools().metrics(cluster, host);
        Attempt { host: host.clone(), metrics, start: Instant::now(), state: State::Connecting }
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    pub(super) fn count(&self, stat: UpstreamStat) {
        if let Some(metrics) = &self.metrics {
            metrics.inc(stat);
        }
    }

    /// The head of the request is on its way.
    pub(super) fn sent(&mut self) {
        self.state = State::Sent;
        self.count(UpstreamStat::RequestTotal);
        self.count(UpstreamStat::RequestActive);
    }

    /// A response came.
    pub(super) fn answered(&mut self, status: u16) {
        self.state = State::Answered;
        self.count(if status < 500 { UpstreamStat::ResponseSuccess } else { UpstreamStat::ResponseFailed });
    }

    /// The response was received whole.
    pub(super) fn complete(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.observe(UpstreamHistogram::RequestDurationTime, self.start.elapsed());
        }
    }

    /// The try ended in an error.
    pub(super) fn failed(&mut self, error: &Error) {
        let stat = match error.kind() {
            Kind::UpstreamReset | Kind::UpstreamProtocol => UpstreamStat::RequestRemoteReset,
            Kind::Timeout | Kind::TryTimeout | Kind::StreamIdle => UpstreamStat::RequestTimeout,
            Kind::ConnectFailed | Kind::ConnectTimeout => UpstreamStat::RequestFailureEject,
            _ => UpstreamStat::RequestLocalReset,
        };
        self.count(stat);
        if self.state == State::Sent {
            self.count(UpstreamStat::ResponseFailed);
        }
        self.end();
    }

    fn end(&mut self) {
        if matches!(self.state, State::Sent | State::Answered)
            && let Some(metrics) = &self.metrics
        {
            metrics.dec(UpstreamStat::RequestActive);
        }
        self.state = State::Over;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // The exchange itself was dropped, for example because the client's connection ended.
        if self.state == State::Sent {
            self.count(UpstreamStat::RequestLocalReset);
        }
        self.end();
    }
}

impl Exchange<'_> {
    /// A connection to the host with the head of the request on it, and whether it was used before.
    pub(super) async fn acquire(
        &mut self,
        attempt: &Attempt,
        plan: &Plan<'_>,
        request: &Request,
    ) -> Result<(Upstream, bool)> {
        self.flight.try_begins(attempt.start());
        let worker = self.door.worker.clone();
        let pools = worker.pools();
        let id = || worker.next_id();
        match plan.speaks {
            Speaks::Http1 => {
                let lease = pools.http1(plan.cluster, &attempt.host, worker.upstream_limits(), id);
                let lease = self.connecting(lease, &plan.timeouts).await?;
                let reused = lease.is_reused();
                Ok((Upstream::http1(lease, request), reused))
            }
            Speaks::Http2 => {
                let lease =
                    self.connecting(pools.http2(plan.cluster, &attempt.host, id), &plan.timeouts).await?;
                Ok((Upstream::http2(lease, request.head.clone(), request.length)?, true))
            }
            Speaks::Dapr => {
                let lease =
                    self.connecting(pools.http2(plan.cluster, &attempt.host, id), &plan.timeouts).await?;
                Ok((Upstream::dapr(lease, request)?, true))
            }
            speaks => {
                let Some(protocol) = rpc_spoken(speaks) else {
                    return Err(Error::local(Kind::Internal, "a protocol that nobody sends"));
                };
                // A host answers in the version that a connection began with.
                let protocol = request.head.rpc.as_ref().map_or(protocol, |message| message.protocol);
                let lease = pools.rpc(plan.cluster, &attempt.host, protocol, self.bound, id);
                let lease = self.connecting(lease, &plan.timeouts).await?;
                let reused = lease.reused;
                let upstream = match &request.head.rpc {
                    Some(_) => Upstream::rpc(lease, &request.head)?,
                    None => self.convert(lease, protocol, plan, request)?,
                };
                Ok((upstream, reused))
            }
        }
    }

    /// Waits for a connection, as long as the client waits and the global timeout allows.
    async fn connecting<T>(
        &mut self,
        lease: impl Future<Output = Result<T>>,
        timeouts: &Timeouts,
    ) -> Result<T> {
        let mut lease = pin!(lease);
        let mut waiting = false;
        poll_fn(|cx| {
            if let Poll::Ready(lease) = lease.as_mut().poll(cx) {
                return Poll::Ready(lease);
            }
            if !waiting {
                waiting = true;
                self.clock.connecting(Instant::now(), timeouts);
            }
            // What it still sends of its body waits in the buffers meanwhile.
            if let Poll::Ready(gone) = self.down.poll_gone(cx, "while connecting") {
                return Poll::Ready(Err(gone));
            }
            let late = |kind| Err(Error::upstream(kind, "no connection in time"));
            self.clock.poll_expired(cx).map(late)
        })
        .await
    }
}

/// What is spoken to the host: what the cluster says, else what a filter made of the request, else the route's
/// protocol, else the client's.
pub(super) fn spoken(
    cluster: &Cluster,
    plan: &ForwardPlan,
    choice: Option<&Choice>,
    downstream: Protocol,
    request: &Request,
) -> Speaks {
    match cluster.speaks {
        // Between runtimes gRPC calls pass as they are.
        Some(Speaks::Dapr) if downstream == Protocol::Http2 && request.head.is_grpc() => Speaks::Http2,
        Some(speaks) => speaks,
        None => spoken_by(upstream_protocol(plan, choice, downstream, request)),
    }
}

/// What leaves HTTP/1 by an upgrade stays there: over HTTP/2 the field means nothing.
fn upstream_protocol(
    plan: &ForwardPlan,
    choice: Option<&Choice>,
    downstream: Protocol,
    request: &Request,
) -> Protocol {
    if request.wants_upgrade || (downstream == Protocol::Http1 && request.head.method == Method::CONNECT) {
        return Protocol::Http1;
    }
    debug_assert!(request.length != Length::Tunnel || request.head.method == Method::CONNECT);
    choice.map(|choice| choice.protocol).or(plan.upstream_protocol).unwrap_or(downstream)
}

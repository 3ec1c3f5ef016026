//! Sending a request to a cluster: tries, and what follows from each.

use std::sync::Arc;
use std::time::Duration;

use mecha_base::{Error, Kind, Result};
use mecha_cluster::{Cluster, Host, LimitGuard, RequestGuard, Speaks};
use mecha_filter::Phase;
use mecha_http::{Length, Method, ResponseHead};
use mecha_metrics::{DownstreamStat, UpstreamStat};
use mecha_resilience::{Decision, GrpcStatus, Progress, RetryState, Timeouts};
use mecha_route::{ForwardPlan, RouteEntry};

use super::attempt::{Attempt, spoken};
use super::upstream::Upstream;
use super::{Exchange, Request};
use crate::protocol::rpc_spoken;
use crate::snapshot::Snapshot;

/// What all tries of one request have in common.
pub(super) struct Plan<'a> {
    pub(super) cluster: &'a Arc<Cluster>,
    route: &'a RouteEntry,
    forward: &'a ForwardPlan,
    pub(super) timeouts: Timeouts,
    /// What is spoken to its hosts.
    pub(super) speaks: Speaks,
}

/// A retry that will be made.
struct Repeat {
    pause: Duration,
    place: Option<LimitGuard>,
}

impl Exchange<'_> {
    pub(super) async fn forward(
        &mut self,
        snapshot: &Snapshot,
        route: &RouteEntry,
        forward: &ForwardPlan,
        request: &mut Request,
    ) -> Result<()> {
        let name = forward.choose_cluster(self.pick.rng(), &request.head);
        let cluster =
            snapshot.clusters().get(name).ok_or_else(|| Error::local(Kind::NoCluster, name.to_owned()))?;
        if let Some(header) = forward.cluster_header() {
            request.head.headers.remove(header);
        }
        if !self.door.listener.stream_filters.is_empty() {
            let name = cluster.name.clone();
            let passed = self.pass_filters(Phase::AfterRoute, Some(route), Some(&name), &mut request.head);
            if !Box::pin(passed).await? {
                return Ok(());
            }
        }
        self.flight.sent_to_cluster(&cluster.name);
        let timeouts = Timeouts::resolve(forward.timeout, forward.retry.try_timeout, &request.head);
        route.rewrite_request(&mut request.head, &self.vars(None));
        let speaks = spoken(cluster, forward, self.choice.as_ref(), self.down.protocol(), request);
        if let Some(message) = &request.head.rpc
            && rpc_spoken(speaks).is_none_or(|spoken| !spoken.carries(message.protocol))
        {
            self.convert_request(request, speaks)?;
        }
        let Some(mut guard) = cluster.try_request() else {
            self.count_cluster(cluster, UpstreamStat::RequestPendingOverflow);
            return Err(Error::local(Kind::Overflow, "max_requests of the cluster"));
        };
        let plan = Plan { cluster, route, forward, timeouts, speaks };
        self.try_until_answered(&plan, request, &mut guard).await
    }

    async fn try_until_answered(
        &mut self,
        plan: &Plan<'_>,
        request: &mut Request,
        guard: &mut RequestGuard,
    ) -> Result<()> {
        let mut retry = RetryState::new(&plan.forward.retry, self.pick.rng().fork());
        // The place of a retry is held until its try is over.
        let mut place: Option<LimitGuard> = None;
        loop {
            let bound = self.bound.and_then(|bound| bound.host(plan.cluster));
            let Some(host) = bound.as_ref().or_else(|| plan.cluster.pick(self.pick)) else {
                self.count_cluster(plan.cluster, UpstreamStat::RequestNoHealthyHost);
                return Err(Error::local(Kind::NoHealthyHost, plan.cluster.name.to_string()));
            };
            guard.assign(host);
            self.flight.sent_to_host(&host.name);
            plan.forward.rewrite_authority(&mut request.head, host_name(host));
            let mut attempt = Attempt::begin(self.door, plan.cluster, host);
            let repeat = match self.attempt(&mut attempt, plan, request, &retry).await {
                Ok((mut up, head, length)) => {
                    drop(place.take());
                    let decision = self.judge(&mut retry, &head);
                    let Some(repeat) = self.repeat(plan, decision, &attempt) else {
                        let begun = self.begin_response(&mut attempt, plan, request, head, length);
                        let streamed = match begun {
                            Ok(()) => self.stream(&mut up, length).await,
                            Err(error) => Err(error),
                        };
                        return self.end_response(&mut attempt, plan, up, streamed);
                    };
                    attempt.answered(head.status.as_u16());
                    if length == Length::Empty {
                        self.give_back(plan, up);
                    }
                    repeat
                }
                Err((error, progress)) => {
                    drop(place.take());
                    attempt.failed(&error);
                    self.door.worker.pools().report_unreachable(plan.cluster, host, &error);
                    let decision = retry.on_error(&error, progress);
                    let Some(mut repeat) = self.repeat(plan, decision, &attempt) else { return Err(error) };
                    // A host that was not tried yet owes nothing to the one that can't be reached.
                    let another = self.pick.tries() < plan.cluster.hosts().len();
                    if progress == Progress::NotSent && another {
                        repeat.pause = Duration::ZERO;
                    }
                    repeat
                }
            };
            self.flight.retries = retry.retries();
            place = repeat.place;
            if !repeat.pause.is_zero() {
                Box::pin(tokio::time::sleep(repeat.pause)).await;
            }
        }
    }

    /// The retry that was decided on, when it can be made: the body is there to be sent again, and the cluster allows it.
    fn repeat(&mut self, plan: &Plan<'_>, decision: Decision, attempt: &Attempt) -> Option<Repeat> {
        let Decision::Retry { pause, counted } = decision else { return None };
        let place = counted.then(|| plan.cluster.try_retry());
        if matches!(place, Some(None)) {
            attempt.count(UpstreamStat::RequestRetryOverflow);
            return None;
        }
        if !self.body.rewind() {
            return None;
        }
        attempt.count(if counted { UpstreamStat::RequestRetry } else { UpstreamStat::ConnectionRetry });
        Some(Repeat { pause, place: place.flatten() })
    }

    fn judge(&self, retry: &mut RetryState<'_>, head: &ResponseHead) -> Decision {
        if !retry.watches_status() {
            return Decision::No;
        }
        let grpc = head.headers.get("grpc-status").filter(|_| self.grpc).and_then(GrpcStatus::parse);
        retry.on_status(head.status.as_u16(), grpc)
    }

    /// One try, until the head of a response.
    async fn attempt(
        &mut self,
        attempt: &mut Attempt,
        plan: &Plan<'_>,
        request: &Request,
        retry: &RetryState<'_>,
    ) -> std::result::Result<(Upstream, ResponseHead, Length), (Error, Progress)> {
        let acquired = self.acquire(attempt, plan, request).await;
        let (mut up, reused) = acquired.map_err(|error| (error, Progress::NotSent))?;
        self.body.keep = reused || retry.watches_status() || plan.forward.retry.on_failure;
        self.flight.over(&up);
        attempt.sent();
        match self.await_head(&mut up, &plan.timeouts).await {
            Ok((_, Length::Tunnel)) if !asks_for_tunnel(request) => {
                let error =
                    Error::upstream(Kind::UpstreamProtocol, "switched protocols although nobody asked");
                Err((error, Progress::Sent))
            }
            Ok((head, length)) => Ok((up, head, length)),
            Err(error) => {
                up.cut(&error);
                Err((error, Progress::Sent))
            }
        }
    }

    /// Sends the head of the response to the client.
    fn begin_response(
        &mut self,
        attempt: &mut Attempt,
        plan: &Plan<'_>,
        request: &Request,
        mut head: ResponseHead,
        length: Length,
    ) -> Result<()> {
        let status = head.status.as_u16();
        attempt.answered(status);
        if self.flight.retries > 0 && status < 500 {
            attempt.count(UpstreamStat::RequestRetrySuccess);
        }
        if length == Length::Tunnel {
            self.door.inc(DownstreamStat::Upgrade);
        }
        self.body.settle();
        self.flight.response_received();
        if let Some(message) = &head.rpc {
            self.flight.sent += u64::from(message.payload.len);
        }
        plan.route.rewrite_response(&mut head, &self.vars(Some(&request.head)));
        self.send_head(head, length)
    }

    fn end_response(
        &mut self,
        attempt: &mut Attempt,
        plan: &Plan<'_>,
        mut up: Upstream,
        streamed: Result<()>,
    ) -> Result<()> {
        self.clock.stop();
        match &streamed {
            Ok(()) => {
                attempt.complete();
                self.give_back(plan, up);
            }
            Err(error) => {
                up.cut(error);
                attempt.failed(error);
            }
        }
        streamed
    }

    fn give_back(&self, plan: &Plan<'_>, up: Upstream) {
        match up {
            Upstream::Http1(lease) => self.door.worker.pools().give_back(plan.cluster, lease),
            Upstream::Rpc(lease) => lease.done(),
            Upstream::Converted(call) => call.done(),
            Upstream::Http2 { .. } | Upstream::Dapr(_) => {}
        }
    }

    /// Sends the head of the response, whoever made it.
    pub(super) fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        if self.door.is_draining() {
            self.down.close_after();
        }
        self.flight.response_head(self.door, &head);
        self.head_sent = true;
        self.down.send_head(head, length)
    }

    fn count_cluster(&self, cluster: &Cluster, stat: UpstreamStat) {
        let worker = &self.door.worker;
        worker.registry().cluster(&cluster.name).shard(worker.index()).inc(stat);
    }
}

/// Whether the client may get a tunnel instead of a response.
fn asks_for_tunnel(request: &Request) -> bool {
    request.wants_upgrade || request.head.method == Method::CONNECT
}

/// What `auto_host_rewrite` puts into the authority: the host's name, or where it is.
fn host_name(host: &Host) -> &str {
    if host.hostname.is_empty() { &host.name } else { &host.hostname }
}

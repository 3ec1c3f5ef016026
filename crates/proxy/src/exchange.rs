//! The exchange: one request and its response, whatever wire or call it came in by. Match a route, choose a
//! cluster and a host, send, retry, answer; count and log. One future from the client's connection to the
//! upstream's and back, with no task and no channel between them.

mod attempt;
mod body;
pub(crate) mod calls;
mod clock;
mod convert;
mod dapr;
mod downstream;
mod filters;
mod flight;
mod forward;
mod pump;
mod reply;
mod upstream;

use std::sync::Arc;

use mecha_base::timer::LazyTimer;
use mecha_base::{Error, Kind, Result};
use mecha_cluster::PickState;
use mecha_config::proxy::HttpProxy;
use mecha_filter::{Choice, Phase};
use mecha_http::{Length, RequestHead};
use mecha_route::{RouteAction, Vars};

use crate::client::Client;
use crate::listener::Door;
use crate::upstream::Bound;
use body::Body;
use clock::Clock;
pub(crate) use downstream::Downstream;
use flight::Flight;

/// A request as it enters the exchange.
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) length: Length,
    /// The client asks for the protocol that the `Upgrade` field names.
    pub(crate) wants_upgrade: bool,
}

/// What becomes of the client's connection or stream.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The response was sent whole.
    Complete,
    /// The response was cut, or there is nobody to send it to.
    Broken,
}

/// What a connection lends to each of its exchanges.
pub(crate) struct Context<'a> {
    pub(crate) door: &'a Arc<Door>,
    pub(crate) client: &'a Client,
    pub(crate) proxy: &'a HttpProxy,
    pub(crate) timer: &'a mut LazyTimer,
    pub(crate) pick: &'a mut PickState,
    /// The upstream connections that belong to the client's connection, where it may have such.
    pub(crate) bound: Option<&'a Bound>,
}

struct Exchange<'a> {
    door: &'a Arc<Door>,
    client: &'a Client,
    proxy: &'a HttpProxy,
    pick: &'a mut PickState,
    down: Downstream<'a>,
    clock: Clock<'a>,
    flight: Flight,
    body: Body,
    head_sent: bool,
    grpc: bool,
    bound: Option<&'a Bound>,
    /// What the request is to become, when a filter said so.
    choice: Option<Choice>,
}

/// Serves one request.
pub(crate) async fn exchange(context: Context<'_>, request: &mut Request, down: Downstream<'_>) -> Outcome {
    let Context { door, client, proxy, timer, pick, bound } = context;
    pick.restart();
    let flight = Flight::begin(door, &request.head);
    let mut exchange = Exchange {
        door,
        client,
        proxy,
        pick,
        clock: Clock::new(timer, proxy, down.body_timeout(proxy), flight.start()),
        body: match &request.head.rpc {
            Some(message) => Body::message(message.payload.len),
            None => Body::new(request.length, proxy.http1.max_request_body),
        },
        grpc: request.head.rpc.is_none() && request.head.is_grpc(),
        down,
        flight,
        head_sent: false,
        bound,
        choice: None,
    };
    exchange.run(request).await
}

impl Exchange<'_> {
    async fn run(&mut self, request: &mut Request) -> Outcome {
        let mut result = self.dispatch(request).await;
        if let Err(error) = &result {
            self.flight.failed(error);
            if !self.head_sent && error.kind() != Kind::ClientGone {
                result = self.reply_error(error).await;
            }
        }
        self.flight.finish(self.door, self.client, &self.down, &self.body, result.as_ref().err());
        match result {
            Ok(()) => Outcome::Complete,
            Err(error) => {
                tracing::debug!(listener = self.door.listener.name(), connection = self.client.id, %error, "cut");
                self.down.cut(&error);
                Outcome::Broken
            }
        }
    }

    async fn dispatch(&mut self, request: &mut Request) -> Result<()> {
        self.body.check_length()?;
        let filtered = !self.door.listener.stream_filters.is_empty();
        if filtered && !Box::pin(self.pass_filters(Phase::BeforeRoute, None, None, &mut request.head)).await?
        {
            return Ok(());
        }
        let snapshot = self.door.worker.snapshot();
        let table = snapshot.router(&self.proxy.router);
        let matched = table.and_then(|table| table.resolve(&request.head));
        let Some(matched) = matched else { return Err(Error::local(Kind::NoRoute, "")) };
        let local = !matches!(matched.route.action, RouteAction::Forward(_));
        if filtered && local {
            let passed = self.pass_filters(Phase::AfterRoute, Some(matched.route), None, &mut request.head);
            if !Box::pin(passed).await? {
                return Ok(());
            }
        }
        match &matched.route.action {
            RouteAction::Forward(plan) => self.forward(&snapshot, matched.route, plan, request).await,
            RouteAction::Direct(direct) => self.reply_direct(matched.route, &request.head, direct).await,
            RouteAction::Redirect(redirect) => {
                self.reply_redirect(matched.route, &request.head, redirect).await
            }
        }
    }

    /// What header values of the configuration may refer to.
    fn vars<'v>(&'v self, request: Option<&'v RequestHead>) -> Vars<'v> {
        Vars {
            request,
            scheme: "http",
            protocol: self.down.name(),
            start_time: Some(self.flight.wall()),
            downstream_remote: Some(&self.client.remote),
            downstream_local: self.client.local.as_ref().map(|local| local as _),
            upstream_local: None,
            upstream_host: self.flight.upstream_host(),
            upstream_cluster: self.flight.upstream_cluster(),
            connection_id: self.client.id,
            listener_name: self.door.listener.name(),
            listener_port: self.door.listener.origin.port,
        }
    }
}

/// An exchange that is dropped before its end has nobody to answer any more: the client's connection is over, or
/// the caller gave up. It is counted and logged as such.
impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.flight.is_finished() {
            let gone = Error::downstream(Kind::ClientGone, "the exchange was dropped");
            self.flight.failed(&gone);
            self.flight.finish(self.door, self.client, &self.down, &self.body, Some(&gone));
        }
    }
}

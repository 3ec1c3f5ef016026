//! The API as a service: what every call goes through, in Dapr's order (reference 1.1): body limit, tracing, metrics,
//! cross-origin rules, token, the pipeline of middleware, logging, route. The public port has tracing, metrics and routes
//! only.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Request, StatusCode};
use http_body::Body as HttpBody;
use mecha_base::path;
use mecha_runtime::body::BodyError;
use mecha_runtime::trace::{Sampler, TRACEPARENT, TRACESTATE};
use mecha_runtime::{Body, Runtime};
use tower::Service;

use crate::call::Call;
use crate::edge::account::{Account, Line};
use crate::edge::cors::{self, Cors};
use crate::edge::limit::limited;
use crate::edge::token;
use crate::handlers::invoke;
use crate::reply::{self, Reply};
use crate::routes::{self, FALLBACK, Found, Route, Table};

/// The API of one port.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    runtime: Arc<Runtime>,
    table: Table,
    /// Calls without a route are invocations.
    invokes: bool,
    max_body: usize,
    /// `None` when tracing is off.
    sampler: Option<Sampler>,
    log: Option<Logging>,
    cors: Option<Cors>,
    token: Option<String>,
    has_pipeline: bool,
}

/// What looking for a route brings: none, one with its parameters, or what is wrong with the path.
type Search = Result<Option<Found>, String>;

#[derive(Clone, Copy)]
struct Logging {
    /// By the endpoint's name instead of the path.
    obscure: bool,
    omit_health: bool,
}

/// The API port.
pub fn router(runtime: Arc<Runtime>) -> Api {
    let config = runtime.config().clone();
    let logging = &config.settings.api_logging;
    let is_logged = config.apis.log_calls.unwrap_or(logging.enabled);
    let log = Logging { obscure: logging.obfuscate_urls, omit_health: logging.omit_health_checks };
    Api(Arc::new(Shared {
        table: routes::open(&config.settings),
        invokes: routes::is_open(&FALLBACK, &config.settings),
        log: is_logged.then_some(log),
        cors: Cors::new(&config.apis.allowed_origins),
        has_pipeline: !config.settings.http_pipeline.is_empty(),
        token: config.apis.token.clone().filter(|token| !token.is_empty()),
        ..Shared::bare(runtime)
    }))
}

/// The public port: health and metadata.
pub fn public_router(runtime: Arc<Runtime>) -> Api {
    Api(Arc::new(Shared { table: routes::public(), ..Shared::bare(runtime) }))
}

impl<B> Service<Request<B>> for Api
where
    B: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    type Response = Reply;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = limited(body, shared.max_body);
            Ok(shared.answer(head, body).await)
        })
    }
}

impl Shared {
    /// With what all ports have.
    fn bare(runtime: Arc<Runtime>) -> Self {
        let config = runtime.config().clone();
        Shared {
            table: Table::default(),
            invokes: false,
            max_body: config.apis.max_body,
            sampler: Some(runtime.sampler()).filter(|sampler| !sampler.is_off()),
            log: None,
            cors: None,
            token: None,
            has_pipeline: false,
            runtime,
        }
    }

    async fn answer(&self, mut head: Parts, body: Body) -> Reply {
        let begun = Instant::now();
        let found = self.find(&head);
        let route = match &found {
            Ok(Some(found)) => Some(found.route),
            _ => self.invokes.then_some(&FALLBACK),
        };
        let account = self.account(&head, &body, route, begun);
        let is_health = head.uri.path().contains("/healthz");
        let trace = self.sampler.filter(|_| !is_health).and_then(|it| it.enter(&mut head.headers));
        let state = trace.as_ref().and_then(|_| head.headers.get(TRACESTATE).cloned());
        let origin = match &self.cors {
            Some(cors) => match cors.preflight(&head) {
                Some(reply) => return account.settle(reply),
                None => Some(cors.origin(&head)),
            },
            None => None,
        };
        let refusal = self.token.as_ref().and_then(|token| token::refusal(token, &mut head));
        let mut reply = match refusal {
            Some(refusal) => refusal,
            None => self.pass(head, body, found).await,
        };
        if let Some(origin) = origin {
            cors::mark(reply.headers_mut(), origin);
        }
        add_trace(&mut reply, trace, state);
        account.settle(reply)
    }

    fn find(&self, head: &Parts) -> Search {
        self.table.find(head.method.as_str(), &path::clean(head.uri.path()))
    }

    /// Through the pipeline to the route; a middleware may change what the route is.
    async fn pass(&self, mut head: Parts, body: Body, found: Search) -> Reply {
        if !self.has_pipeline {
            return self.route(head, body, found).await;
        }
        show_cleaned(&mut head, &found);
        let pipeline = self.runtime.http_pipeline();
        let end = |request: Request<Body>| -> BoxFuture<'_, Reply> {
            let (head, body) = request.into_parts();
            let found = self.find(&head);
            Box::pin(self.route(head, body, found))
        };
        pipeline.run(Request::from_parts(head, body), end).await
    }

    /// What the route answers.
    async fn route(&self, head: Parts, body: Body, found: Search) -> Reply {
        let (handler, params) = match found {
            Ok(Some(Found { route, params })) => (route.handler, params),
            Ok(None) if self.invokes => (FALLBACK.handler, Vec::new()),
            Ok(None) => return reply::plain(StatusCode::NOT_FOUND, "404 page not found"),
            Err(message) => return reply::plain(StatusCode::BAD_REQUEST, &message),
        };
        let runtime = self.runtime.clone();
        match handler(Call { runtime, head, body, params }).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::debug!(target: "dapr.runtime.http", "{error}");
                self.runtime.metrics().api_error(&error);
                reply::error(&error)
            }
        }
    }

    fn account(&self, head: &Parts, body: &Body, route: Option<&'static Route>, begun: Instant) -> Account {
        let endpoint = || match route {
            Some(route) if route.group == FALLBACK.group => match invoke::callee(head) {
                Some((target, _)) => format!("{}/{target}", route.name),
                None => route.name.to_owned(),
            },
            Some(route) => route.name.to_owned(),
            None => String::new(),
        };
        let metrics = self.runtime.metrics().http_labels(head.method.as_str(), head.uri.path(), endpoint);
        let is_logged = |log: &Logging| {
            // What no endpoint answered has no line, as in Dapr.
            route.is_some_and(|route| !(log.omit_health && route.is_health()))
        };
        let line = self.log.filter(is_logged).map(|log| Line {
            method: if log.obscure { endpoint() } else { format!("{} {}", head.method, head.uri.path()) },
            user_agent: text(head.headers.get(USER_AGENT)),
        });
        let request = body.length().unwrap_or(0);
        Account { runtime: self.runtime.clone(), begun, request, metrics, line }
    }
}

/// Middleware that judges paths must see the one that is routed by. The URL in the path of an invocation keeps its
/// slashes, and so all of that path.
fn show_cleaned(head: &mut Parts, found: &Search) {
    let Cow::Owned(cleaned) = path::clean(head.uri.path()) else { return };
    let invokes = !matches!(found, Ok(Some(found)) if found.route.group != FALLBACK.group);
    if invokes && head.uri.path().contains("://") {
        return;
    }
    let target = match head.uri.query() {
        Some(query) => format!("{cleaned}?{query}"),
        None => cleaned,
    };
    if let Ok(target) = target.parse() {
        head.uri = target;
    }
}

fn text(value: Option<&HeaderValue>) -> String {
    value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The caller learns the trace, unless the callee has said something about it.
fn add_trace(reply: &mut Reply, trace: Option<HeaderValue>, state: Option<HeaderValue>) {
    let headers = reply.headers_mut();
    for (name, value) in [(TRACEPARENT, trace), (TRACESTATE, state)] {
        if let Some(value) = value
            && !headers.contains_key(name)
        {
            headers.insert(name, value);
        }
    }
}

//! gRPC calls that pass as they are: any service and method, by HTTP/2 streams, between applications that both speak
//! gRPC (reference 1.5). Nothing of a message is looked at.

use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use http::{HeaderValue, Request, Response, Version, header};
use mecha_base::Kind;
use mecha_resilience::GrpcStatus;

use super::attempt::{NEWS, NEWS_PAUSE};
use super::opening::Opening;
use super::{Caller, headers};
use crate::body::Body;
use crate::channel::http as channel;
use crate::doors::{APP, CLUSTER_HEADER, INVOKE};
use crate::error::{ApiError, GrpcCode};
use crate::names::AppName;
use crate::network::Unanswered;
use crate::policy::{Failure, Refused};
use crate::runtime::Runtime;

impl Runtime {
    /// Passes a gRPC call of the application on to another one (or back to itself) by its app id. Bodies and trailers
    /// stream.
    ///
    /// # Errors
    /// When the callee is not found or can't be reached; with the gRPC code that says so.
    pub async fn proxy_grpc(&self, target: &str, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let failed = |reason: String| ApiError::invoke_failed(target, &reason);
        let app = AppName::parse(target, &self.config().identity.namespace).map_err(failed)?;
        let (mut head, body) = prepared(request).into_parts();
        headers::name_parties(&mut head.headers, self, &app.id);
        let (opening, again) = (Opening::new(body), AtomicBool::new(false));
        let policy = self.policies().app(target);
        let judges = policy.is_users();
        let call =
            Proxied { runtime: self, target, app: &app, head: &head, opening: &opening, again: &again };
        let done = policy.run_while(|_| call.attempt(judges), || again.load(Ordering::Acquire)).await;
        let ended = |http, code, reason: &str| {
            let message = format!("failed to invoke, id: {target}, err: {reason}");
            Err(ApiError::new("ERR_DIRECT_INVOKE", http, code, message))
        };
        match done {
            Ok(response) | Err(Refused::Failed(Lost::Status(response, _))) => Ok(response),
            Err(Refused::Failed(Lost::Unanswered { error, .. } | Lost::Unknown(error))) => Err(error),
            Err(Refused::Timeout(_)) => ended(504, GrpcCode::DeadlineExceeded, "context deadline exceeded"),
            Err(Refused::Open(why)) => ended(503, GrpcCode::Unavailable, why),
        }
    }

    /// A gRPC call of another application to this one.
    ///
    /// # Errors
    /// As [`Runtime::invoke_local`].
    pub async fn proxy_grpc_local(
        &self,
        request: Request<Body>,
        caller: Caller,
    ) -> Result<Response<Body>, ApiError> {
        self.metrics().invoke_received(if caller.app_id.is_empty() { "unknown" } else { &caller.app_id });
        self.permit(request.uri().path(), None)?;
        let (app_id, namespace) = (caller.app_id, caller.namespace);
        let mut request = prepared(request);
        let fields = request.headers_mut();
        let told = [
            (headers::CALLER_APP_ID, app_id.as_str()),
            (headers::CALLER_NAMESPACE, namespace.as_str()),
            (headers::CALLEE_APP_ID, self.app_id()),
        ];
        for (name, value) in told {
            if let Ok(value) = HeaderValue::try_from(value)
                && !value.is_empty()
            {
                fields.insert(name, value);
            }
        }
        self.pass_to_application(request).await.map_err(Lost::into_error)
    }

    async fn pass_to_application(&self, mut request: Request<Body>) -> Result<Response<Body>, Lost> {
        let refused = |error| Lost::Unanswered { error, kind: Kind::Internal };
        if self.channel().is_none() || !self.config().app.protocol.is_grpc() {
            return Err(refused(ApiError::app_channel_missing()));
        }
        if !self.takes_calls() {
            return Err(refused(ApiError::app_unhealthy()));
        }
        let app = &self.config().app;
        let authority = channel::authority(&app.address, app.port.unwrap_or_default());
        channel::address(&mut request, &authority, true).map_err(refused)?;
        if let Some(Ok(token)) = app.token.as_deref().map(HeaderValue::from_str) {
            request.headers_mut().insert(channel::API_TOKEN, token);
        }
        self.pass(APP, request).await
    }

    async fn pass(&self, door: &str, mut request: Request<Body>) -> Result<Response<Body>, Lost> {
        *request.version_mut() = Version::HTTP_2;
        let unanswered = |kind: Kind, message: String| {
            let code = GrpcCode::of(GrpcStatus::from_kind(kind).0.into());
            Lost::Unanswered { error: ApiError::new("ERR_DIRECT_INVOKE", kind.status(), code, message), kind }
        };
        let answered = self.network().call(door, request).await;
        let response = answered.map_err(|error| unanswered(error.kind(), error.to_string()))?;
        if let Some(Unanswered { kind, message }) = response.extensions().get() {
            return Err(unanswered(*kind, message.clone()));
        }
        Ok(response)
    }
}

/// A call under the policy of its callee.
struct Proxied<'c> {
    runtime: &'c Runtime,
    target: &'c str,
    app: &'c AppName,
    head: &'c Parts,
    opening: &'c Opening,
    /// The last try did not reach the callee, and another one would get the whole body.
    again: &'c AtomicBool,
}

impl Proxied<'_> {
    async fn attempt(&self, judges: bool) -> Result<Response<Body>, Lost> {
        self.again.store(false, Ordering::Release);
        let answered = match self.runtime.is_own(self.app) {
            true => self.runtime.pass_to_application(self.request()).await,
            false => self.send().await,
        };
        let response = answered.inspect_err(|lost| {
            self.again.store(lost.is_retriable() && self.opening.lasts(), Ordering::Release);
        })?;
        self.opening.release();
        let status =
            response.headers().get("grpc-status").and_then(|status| status.to_str().ok()?.parse().ok());
        match status {
            Some(code) if judges && code != 0 => Err(Lost::Status(response, code)),
            _ => Ok(response),
        }
    }

    fn request(&self) -> Request<Body> {
        Request::from_parts(self.head.clone(), self.opening.take())
    }

    /// Sends it to the callee's runtime.
    async fn send(&self) -> Result<Response<Body>, Lost> {
        let names = self.runtime.names();
        let unknown = |reason: String| Lost::Unknown(ApiError::invoke_failed(self.target, &reason));
        let known = names.find(self.app).await.map_err(unknown)?;
        self.runtime.metrics().invoke_sent(&self.app.id);
        let mut news = 0;
        loop {
            names.tell(&known);
            let mut request = self.request();
            let fields = request.headers_mut();
            fields.insert(CLUSTER_HEADER, known.header.clone());
            // The callee's runtime tells by it that the call is for its application.
            for (name, value) in [(headers::APP_ID, self.target), ("host", self.target)] {
                if let Ok(value) = HeaderValue::try_from(value) {
                    fields.insert(name, value);
                }
            }
            let passed = self.runtime.pass(INVOKE, request).await;
            match &passed {
                Err(Lost::Unanswered { kind: Kind::NoCluster, .. })
                    if self.opening.lasts() && news < NEWS =>
                {
                    news += 1;
                    tokio::time::sleep(NEWS_PAUSE).await;
                    continue;
                }
                Err(Lost::Unanswered { error, .. }) if error.grpc() == GrpcCode::Unavailable => {
                    names.doubt(self.app);
                }
                _ => {}
            }
            return passed;
        }
    }
}

/// How a try failed.
enum Lost {
    /// No host answered.
    Unanswered { error: ApiError, kind: Kind },
    /// Nobody knows where the callee is.
    Unknown(ApiError),
    /// The callee answered at once with a code that is no success.
    Status(Response<Body>, u16),
}

impl Lost {
    fn into_error(self) -> ApiError {
        match self {
            Lost::Unanswered { error, .. } | Lost::Unknown(error) => error,
            Lost::Status(..) => ApiError::internal("the call failed"),
        }
    }
}

impl Failure for Lost {
    fn is_retriable(&self) -> bool {
        self.is_unreachable() || matches!(self, Lost::Unknown(_))
    }

    fn is_unreachable(&self) -> bool {
        let before = [Kind::NoCluster, Kind::NoHealthyHost, Kind::ConnectFailed, Kind::ConnectTimeout];
        matches!(self, Lost::Unanswered { kind, .. } if before.contains(kind))
    }

    fn grpc_code(&self) -> Option<u16> {
        match self {
            Lost::Unanswered { error, .. } | Lost::Unknown(error) => u16::try_from(error.grpc() as i32).ok(),
            Lost::Status(_, code) => Some(*code),
        }
    }
}

/// The request without what belongs to the caller's own hop; `te` says that trailers are understood.
fn prepared(mut request: Request<Body>) -> Request<Body> {
    let fields = request.headers_mut();
    headers::clean(fields);
    fields.insert(header::TE, HeaderValue::from_static("trailers"));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use mecha_component::Drivers;
    use mecha_config::Cluster;
    use tokio::runtime::Handle;

    use super::*;
    use crate::runtime::Parts as RuntimeParts;
    use crate::{Clusters, Network, testing};

    /// Counts how often clusters are made known.
    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Clusters for Told {
        fn put(&self, _: Cluster) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn an_application_that_is_not_reached_is_looked_up_anew() {
        let mut config = testing::config();
        config.process.static_names.insert("cart".to_owned(), vec!["127.0.0.1:9".to_owned()]);
        let told = Arc::new(Told::default());
        let runtime = Runtime::new(RuntimeParts {
            config: Arc::new(config),
            drivers: Drivers::default(),
            network: Network::default(),
            tasks: Handle::current(),
            clusters: told.clone(),
        });
        for looked_up in [1, 2] {
            let call = Request::post("/shop.Cart/Fill").body(Body::empty()).unwrap();
            let error = runtime.proxy_grpc("cart", call).await.err().unwrap();
            assert_eq!(error.grpc(), GrpcCode::Unavailable, "no worker runs");
            // Once when its addresses are found, once when it is called.
            assert_eq!(told.0.load(Ordering::SeqCst), 2 * looked_up);
        }
    }

    #[tokio::test]
    async fn a_users_breaker_opens_when_calls_fail() {
        use mecha_config::runtime::Resiliency;
        use mecha_config::runtime::resiliency::{Breaker, Target};
        use std::time::Duration;

        let (minute, trip) = (Duration::from_secs(60), "consecutiveFailures > 1".to_owned());
        let breaker = Breaker { max_requests: 1, interval: Duration::ZERO, timeout: minute, trip };
        let target = Target { breaker: Some("two".to_owned()), ..Target::default() };
        let mut config = testing::config();
        config.process.static_names.insert("cart".to_owned(), vec!["127.0.0.1:9".to_owned()]);
        config.resources.resiliency = vec![Resiliency {
            name: "mine".to_owned(),
            breakers: [("two".to_owned(), breaker)].into(),
            apps: [("cart".to_owned(), target)].into(),
            ..Resiliency::default()
        }];
        let runtime = testing::runtime_of(config, Drivers::default());
        let mut said = Vec::new();
        for _ in 0..3 {
            let call = Request::post("/shop.Cart/Fill").body(Body::empty()).unwrap();
            said.push(runtime.proxy_grpc("cart", call).await.err().unwrap().message().to_owned());
        }
        assert!(!said[1].contains("circuit breaker"), "{said:?}");
        assert!(said[2].contains("circuit breaker is open"), "{said:?}");
    }
}

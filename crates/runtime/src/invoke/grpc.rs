//! gRPC calls that pass as they are: any service and method, by HTTP/2 streams, between applications that both speak
//! gRPC (reference 1.5). Nothing of a message is looked at.

use http::{HeaderValue, Request, Response, Version, header};
use mecha_resilience::GrpcStatus;

use super::{Caller, headers};
use crate::body::Body;
use crate::channel::http as channel;
use crate::doors::{APP, CLUSTER_HEADER, INVOKE};
use crate::error::{ApiError, GrpcCode};
use crate::names::AppName;
use crate::network::Unanswered;
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
        let mut request = prepared(request);
        headers::name_parties(request.headers_mut(), self, &app.id);
        if self.is_own(&app) {
            return self.pass_to_application(request).await;
        }
        let known = self.names().find(&app).await.map_err(failed)?;
        self.names().tell(&known);
        let fields = request.headers_mut();
        fields.insert(CLUSTER_HEADER, known.header.clone());
        // The callee's runtime tells by it that the call is for its application.
        for (name, value) in [(headers::APP_ID, target), ("host", target)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                fields.insert(name, value);
            }
        }
        self.metrics().invoke_sent(&app.id);
        let passed = self.pass(INVOKE, request).await;
        if passed.as_ref().is_err_and(|error| error.grpc() == GrpcCode::Unavailable) {
            self.names().doubt(&app);
        }
        passed
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
        self.pass_to_application(request).await
    }

    async fn pass_to_application(&self, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
        if self.channel().is_none() || !self.config().app.protocol.is_grpc() {
            return Err(ApiError::app_channel_missing());
        }
        if !self.takes_calls() {
            return Err(ApiError::app_unhealthy());
        }
        let app = &self.config().app;
        let authority = channel::authority(&app.address, app.port.unwrap_or_default());
        channel::address(&mut request, &authority, true)?;
        if let Some(Ok(token)) = app.token.as_deref().map(HeaderValue::from_str) {
            request.headers_mut().insert(channel::API_TOKEN, token);
        }
        self.pass(APP, request).await
    }

    async fn pass(&self, door: &str, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
        *request.version_mut() = Version::HTTP_2;
        let unanswered = |kind, message: String| {
            let code = GrpcCode::of(GrpcStatus::from_kind(kind).0.into());
            ApiError::new("ERR_DIRECT_INVOKE", kind.status(), code, message)
        };
        let answered = self.network().call(door, request).await;
        let response = answered.map_err(|error| unanswered(error.kind(), error.to_string()))?;
        if let Some(Unanswered { kind, message }) = response.extensions().get() {
            return Err(unanswered(*kind, message.clone()));
        }
        Ok(response)
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mecha_component::Drivers;
    use mecha_config::Cluster;
    use tokio::runtime::Handle;

    use super::*;
    use crate::runtime::Parts;
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
        let runtime = Runtime::new(Parts {
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
}

//! The transport under the generated clients: a request becomes a call into the exchange by the door `dapr.app`.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use mecha_runtime::doors::APP;
use mecha_runtime::network::Unanswered;
use mecha_runtime::{Body, Network};
use tonic::Status;
use tower::Service;

/// Calls to the application.
#[derive(Clone)]
pub(super) struct AppService(Network);

/// The application did not answer, in words.
#[derive(Debug)]
pub(super) struct Unreached(String);

impl AppService {
    pub(super) fn new(network: Network) -> Self {
        AppService(network)
    }
}

impl Service<http::Request<tonic::body::Body>> for AppService {
    type Response = http::Response<Body>;
    type Error = Unreached;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Unreached>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let mut request = request.map(Body::new);
        *request.version_mut() = http::Version::HTTP_2;
        let network = self.0.clone();
        Box::pin(async move {
            let response = network.call(APP, request).await.map_err(|error| Unreached(error.to_string()))?;
            match response.extensions().get() {
                Some(Unanswered { message, .. }) => Err(Unreached(message.clone())),
                None => Ok(response),
            }
        })
    }
}

impl Unreached {
    /// Why there was no answer; `None` when the status is the application's.
    pub(super) fn behind(status: &Status) -> Option<&Unreached> {
        let mut source = std::error::Error::source(status);
        while let Some(error) = source {
            if let Some(unreached) = error.downcast_ref() {
                return Some(unreached);
            }
            source = error.source();
        }
        None
    }
}

impl std::fmt::Display for Unreached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreached {}

//! Service invocation (reference 1.5): a call to another application, to the own one, or to a foreign HTTP service, and
//! the way that calls of others take to the own application. Calls leave through the door `dapr.invoke`, so what a
//! configuration says about that holds for them.

mod attempt;
mod endpoint;
mod grpc;
mod headers;
mod local;
mod method;
mod opening;
mod replay;
mod target;

use http::{Request, Response};

use crate::body::Body;
use crate::error::ApiError;
use crate::runtime::Runtime;
use attempt::{Call, Way};
pub(crate) use endpoint::Service;
pub use headers::{CALLEE_APP_ID, CALLER_APP_ID, CALLER_NAMESPACE, forget_connection};
use replay::Replay;
use target::Target;

/// A call to be made.
pub struct Invocation {
    /// An application (`orders`, `orders.namespace`), the name of an HTTP endpoint, or an absolute URL.
    pub target: String,
    /// The caller's method, headers and body; path and query of the URI are the method's.
    pub request: Request<Body>,
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Its app id; empty when it does not say.
    pub app_id: String,
    /// Its namespace; empty when it does not say.
    pub namespace: String,
}

impl Runtime {
    /// Calls another application, or a foreign service, or the own application. The answer is the callee's, whatever its
    /// status; bodies stream both ways. A gRPC application's answer has a [`crate::channel::GrpcAnswer`] beside it.
    ///
    /// # Errors
    /// When the callee is not found, can't be reached, does not allow the call, or a policy ends it.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Response<Body>, ApiError> {
        let Invocation { target, request } = invocation;
        let failed = |reason: String| ApiError::invoke_failed(&target, &reason);
        let callee = Target::of(&target, self).map_err(failed)?;
        let (mut head, body) = request.into_parts();
        let path = method::normalize(head.uri.path()).map_err(failed)?;
        let query = head.uri.query().map(str::to_owned);
        headers::clean(&mut head.headers);
        self.sampler().ensure(&mut head.headers);
        let way = match callee {
            Target::Own => {
                headers::name_parties(&mut head.headers, self, self.app_id());
                head.uri = method::uri("", &path, query.as_deref()).map_err(failed)?;
                Way::Own
            }
            Target::App(app) => {
                headers::name_parties(&mut head.headers, self, &app.id);
                headers::forwarded(&mut head.headers, self.names().host());
                head.uri = method::uri("", &path, query.as_deref()).map_err(failed)?;
                Way::App(app)
            }
            Target::Endpoint(endpoint) => {
                let service = self.endpoint(endpoint).await?;
                service.dress(&mut head, &path, query.as_deref()).map_err(failed)?;
                Way::Service(service)
            }
            Target::Url(url) => {
                let service = endpoint::service(&target, &url)?;
                service.dress(&mut head, &path, query.as_deref()).map_err(failed)?;
                Way::Service(service.into())
            }
            Target::Rpc(service) => {
                service.dress(&mut head, &path, query.as_deref()).map_err(failed)?;
                Way::Service(service.into())
            }
        };
        let call = Call { runtime: self, target: &target, way: &way, head: &head, body: &Replay::new(body) };
        call.run().await
    }
}

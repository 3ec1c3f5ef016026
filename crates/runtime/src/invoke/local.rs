//! Calls to the runtime's own application: of itself, and of others by way of the internal server.

use http::{Method, Request, Response};

use super::{Caller, method};
use crate::acl;
use crate::body::Body;
use crate::error::{ApiError, GrpcCode};
use crate::network::Unanswered;
use crate::runtime::Runtime;

impl Runtime {
    /// A call of another application to this one; path and query of the URI are the method's. The answer is the
    /// application's, whatever its status; that of a gRPC application has a [`crate::channel::GrpcAnswer`] beside it.
    ///
    /// # Errors
    /// When the access policy forbids it, or the application is not there, unhealthy or not reached.
    pub async fn invoke_local(
        &self,
        request: Request<Body>,
        caller: Caller,
    ) -> Result<Response<Body>, ApiError> {
        self.metrics().invoke_received(if caller.app_id.is_empty() { "unknown" } else { &caller.app_id });
        let (mut head, body) = request.into_parts();
        // Callers clean their methods themselves, but what the policy judges must be what the application gets.
        let invalid = |reason| ApiError::new("ERR_DIRECT_INVOKE", 400, GrpcCode::InvalidArgument, reason);
        let method = method::normalize(head.uri.path()).map_err(invalid)?;
        self.permit(&method, Some(&head.method))?;
        if head.uri.path().strip_prefix('/') != Some(method.as_str()) {
            head.uri = method::uri("", &method, head.uri.query()).map_err(invalid)?;
        }
        self.call_application(Request::from_parts(head, body)).await
    }

    /// Asks the access policy. Who calls is what a certificate proves, and without TLS nobody has one; what a caller says
    /// of itself does not count.
    pub(super) fn permit(&self, path: &str, method: Option<&Method>) -> Result<(), ApiError> {
        let Some(control) = &self.config().settings.access_control else { return Ok(()) };
        if acl::allows(control, None, path, method) {
            return Ok(());
        }
        let verb = method.map_or("NONE", Method::as_str);
        let operation = path.trim_start_matches('/');
        let app = self.app_id();
        let message = format!(
            "access control policy has denied access to appid: {app} operation: {operation} verb: {verb}"
        );
        Err(ApiError::new("ERR_DIRECT_INVOKE", 403, GrpcCode::PermissionDenied, message))
    }

    /// Calls the application, when there is one that takes calls.
    pub(super) async fn call_application(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let channel = self.channel().ok_or_else(ApiError::app_channel_missing)?;
        if !self.takes_calls() {
            return Err(ApiError::app_unhealthy());
        }
        let response = channel.invoke(request).await?;
        match response.extensions().get() {
            Some(Unanswered { message, .. }) => Err(ApiError::app_unreached(message)),
            None => Ok(response),
        }
    }

    /// Whether the application counts as healthy; one without health checks always does.
    pub(super) fn takes_calls(&self) -> bool {
        self.config().app.health.is_none() || self.health().is_app_healthy()
    }
}

//! Calls to the runtime's own application: of itself, and of others by way of the internal server.

use http::{Request, Response};

use super::Caller;
use crate::body::Body;
use crate::error::ApiError;
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
        self.call_application(request).await
    }

    /// Calls the application, when there is one that takes calls.
    pub(super) async fn call_application(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let channel = self.channel().ok_or_else(ApiError::app_channel_missing)?;
        if !self.takes_calls() {
            return Err(ApiError::app_unhealthy());
        }
        channel.invoke(request).await
    }

    /// Whether the application counts as healthy; one without health checks always does.
    pub(super) fn takes_calls(&self) -> bool {
        self.config().app.health.is_none() || self.health().is_app_healthy()
    }
}

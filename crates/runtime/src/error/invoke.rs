//! Errors of service invocation, by Dapr's codes and texts (reference 1.3, 1.5).

use super::{ApiError, GrpcCode};

/// The code of all of them.
const CODE: &str = "ERR_DIRECT_INVOKE";

impl ApiError {
    /// Neither the path nor a header names an application.
    pub fn invoke_no_app_id() -> Self {
        let message = "failed getting app id either from the URL path or the header dapr-app-id";
        Self::new(CODE, 404, GrpcCode::NotFound, message)
    }

    /// The call did not come about, or its answer did not.
    pub fn invoke_failed(target: &str, reason: &str) -> Self {
        Self::new(CODE, 500, GrpcCode::Internal, format!("failed to invoke, id: {target}, err: {reason}"))
    }

    /// The callee's access policy forbids the call.
    pub fn invoke_denied(target: &str, reason: &str) -> Self {
        let message = format!("failed to invoke, id: {target}, err: {reason}");
        Self::new(CODE, 403, GrpcCode::PermissionDenied, message)
    }

    /// There is no application to call here.
    pub fn app_channel_missing() -> Self {
        Self::new("ERR_APP_CHANNEL_NIL", 500, GrpcCode::Internal, "app channel is not initialized")
    }

    /// The application did not answer.
    pub fn app_unreached(reason: &str) -> Self {
        Self::new(CODE, 500, GrpcCode::Internal, reason)
    }

    /// The application's health checks fail.
    pub fn app_unhealthy() -> Self {
        Self::new(CODE, 500, GrpcCode::Internal, "app is not in a healthy state")
    }
}

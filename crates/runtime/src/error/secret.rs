//! Errors of the secrets API, by Dapr's codes and texts (reference 1.3).

use mecha_component::Error;

use super::{ApiError, GrpcCode};

impl ApiError {
    /// No secret store is loaded at all.
    pub fn secret_not_configured() -> Self {
        let message = "secret store is not configured";
        Self::new("ERR_SECRET_STORES_NOT_CONFIGURED", 500, GrpcCode::FailedPrecondition, message)
    }

    /// There are secret stores, but none of that name. The status is 401, odd as it is.
    pub fn secret_not_found(store: &str) -> Self {
        let message = format!("failed finding secret store with key {store}");
        Self::new("ERR_SECRET_STORE_NOT_FOUND", 401, GrpcCode::InvalidArgument, message)
    }

    /// The Configuration does not let the application read this secret.
    pub fn secret_denied(store: &str, name: &str) -> Self {
        let message = format!("access denied by policy to get {name:?} from {store:?}");
        Self::new("ERR_PERMISSION_DENIED", 403, GrpcCode::PermissionDenied, message)
    }

    /// A secret could not be read.
    pub fn secret_get(store: &str, name: &str, error: &Error) -> Self {
        let message = format!("failed getting secret with key {name} from secret store {store}: {error}");
        Self::new("ERR_SECRET_GET", 500, GrpcCode::Internal, message)
    }

    /// The secrets of a store could not be read.
    pub fn secret_bulk_get(store: &str, error: &Error) -> Self {
        let message = format!("failed getting secrets from secret store {store}: {error}");
        Self::new("ERR_SECRET_GET", 500, GrpcCode::Internal, message)
    }
}

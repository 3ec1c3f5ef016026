//! Health: whether the runtime and the application are there, and whether the APIs at least are.

use mecha_runtime::{ApiError, Detail, GrpcCode};

use crate::call::Call;
use crate::reply::{Outcome, empty};

/// `GET /v1.0/healthz`: with `appid`, whether this is the runtime of that application too.
pub(crate) async fn ready(call: Call) -> Outcome {
    if !call.runtime.health().is_ready() {
        return Err(unhealthy("ERR_HEALTH_NOT_READY", "dapr is not ready"));
    }
    let own = call.runtime.app_id();
    match call.query("appid") {
        Some(asked) if asked != own => {
            let error = unhealthy("ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match");
            let violation = format!("requested appid {asked:?} does not match configured app id {own:?}");
            Err(error.with(Detail::BadRequest(vec![("appid".to_owned(), violation)])))
        }
        _ => Ok(empty()),
    }
}

/// `GET /v1.0/healthz/outbound`: the APIs are open, the application may not be found yet.
pub(crate) async fn outbound(call: Call) -> Outcome {
    if call.runtime.health().is_outbound_ready() {
        return Ok(empty());
    }
    Err(unhealthy("ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready"))
}

fn unhealthy(code: &'static str, message: &str) -> ApiError {
    ApiError::new(code, 500, GrpcCode::Internal, message).reason(code, &[])
}

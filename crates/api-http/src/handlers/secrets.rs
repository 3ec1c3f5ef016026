//! Secrets: one by name, or all that the application may read.

use http::StatusCode;

use crate::call::Call;
use crate::reply::{Outcome, json};

const STORE: &str = "secretStoreName";

/// `GET /v1.0/secrets/{store}/{key}`.
pub(crate) async fn get(call: Call) -> Outcome {
    let store = call.runtime.secrets(call.param(STORE))?;
    let secret = store.get(call.param("key"), &call.metadata()).await?;
    Ok(json(StatusCode::OK, &secret))
}

/// `GET /v1.0/secrets/{store}/bulk`.
pub(crate) async fn get_all(call: Call) -> Outcome {
    let store = call.runtime.secrets(call.param(STORE))?;
    let secrets = store.get_all(&call.metadata()).await?;
    Ok(json(StatusCode::OK, &secrets))
}

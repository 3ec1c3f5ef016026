//! What the runtime tells about itself, and what may be added to it.

use http::StatusCode;

use crate::call::Call;
use crate::reply::{Outcome, empty, json};

/// `GET /v1.0/metadata`.
pub(crate) async fn get(call: Call) -> Outcome {
    Ok(json(StatusCode::OK, &call.runtime.metadata()))
}

/// `PUT /v1.0/metadata/{key}`: the body is the value.
pub(crate) async fn put(mut call: Call) -> Outcome {
    let value = call.bytes().await?;
    call.runtime.set_metadata(call.param("key"), &String::from_utf8_lossy(&value))?;
    Ok(empty())
}

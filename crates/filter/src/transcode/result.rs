//! What an HTTP server answered, as a value.

use mecha_base::Result;
use mecha_codec::hessian2::Value;
use mecha_http::{HeaderId, ResponseHead};

use super::bad_answer;
use super::json::{Classes, to_hessian};

/// The value that a body is: JSON what it says, text a string, nothing null, and anything else bytes. A body without a
/// type is looked at.
///
/// # Errors
/// 502 when it says that it is JSON and is not.
pub(super) fn value(head: &ResponseHead, body: &[u8], classes: Classes) -> Result<Value> {
    let kind = head.headers.get_id(HeaderId::ContentType).unwrap_or_default();
    let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let json = || serde_json::from_slice(body).map(|value| to_hessian(value, classes));
    if essence.ends_with("/json") || essence.ends_with("+json") {
        return json().map_err(|error| {
            bad_answer(format!("the answer's body is not the JSON that it says it is: {error}"))
        });
    }
    let text = || std::str::from_utf8(body).map(Value::text);
    let bytes = || Value::Binary(body.to_vec());
    Ok(match essence {
        "" => json().ok().or_else(|| text().ok()).unwrap_or_else(bytes),
        kind if kind.starts_with("text/") => text().unwrap_or_else(|_| bytes()),
        _ => bytes(),
    })
}

//! The request of a call, as the application gets it.

use http::{HeaderName, HeaderValue, Request, header};
use mecha_codec::dapr::InternalInvokeRequest;
use mecha_http::dapr::{TYPE_URL, request_from};
use mecha_runtime::Caller;
use mecha_runtime::channel::TypeUrl;

use super::caller;

/// Reads a message.
///
/// # Errors
/// Why it names no call.
pub(super) fn read(message: InternalInvokeRequest) -> Result<(Request<()>, Caller), &'static str> {
    if message.message.is_none() {
        return Err("request does not contain the required fields in the leading chunk");
    }
    let mut request = request_from(message)?;
    let from = caller(request.headers());
    let url = request.headers_mut().remove(TYPE_URL);
    if let Some(url) = url.and_then(|url| url.to_str().map(str::to_owned).ok()) {
        request.extensions_mut().insert(TypeUrl(url));
    }
    if request.headers().get(header::CONTENT_TYPE).is_none_or(HeaderValue::is_empty) {
        request.headers_mut().remove(header::CONTENT_TYPE);
    }
    Ok((request, from))
}

/// The length of the body that the caller announced; the field itself does not go on.
pub(super) fn take_length(request: &mut Request<()>) -> Option<u64> {
    const LENGTH: HeaderName = header::CONTENT_LENGTH;
    request.headers_mut().remove(LENGTH)?.to_str().ok()?.parse().ok()
}

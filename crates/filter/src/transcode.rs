//! Conversions between HTTP and the RPC protocols Dubbo and Bolt: whole messages to whole messages. The exchange calls them
//! where it meets the upstream, for requests whose rule says so ([`crate::Choice`]) and for clusters that speak an RPC
//! protocol to callers of the runtime.
//!
//! **What is called**: the rule, else the request's fields `service`, `method`, `version` and `group` (which MOSN's routes
//! know too), else the path: `/service/method`, or `/method` of the service that the authority names.
//!
//! **With what**: an empty body calls without arguments; a JSON array holds the arguments; an object with the key `args`
//! says more (`{"types": ["int"], "args": [1], "attachments": {"tenant": "blue"}}`); any other JSON is the one argument.
//! Objects become maps; where a Java class is meant they name it in `class`. A body of `application/octet-stream`, or any
//! under a rule with `opaque`, is the payload as it is. Text for a parameter whose type is `byte[]` is base64.
//!
//! **What comes back**: the value as JSON; an exception as status 500 with `{"exception": CLASS, "message": TEXT}`; a call
//! that was not made as the status that MOSN's table gives (reference 2.3) with `{"message": TEXT}`. Times are milliseconds
//! since 1970, bytes base64, objects have their class under `class`.
//!
//! Fields of HTTP go along as attachments and fields of the block, and come back as such, but for those about one
//! connection or about the body that is no more.

mod arguments;
mod bolt;
mod dubbo;
mod failure;
mod fields;
mod json;
mod result;
mod target;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mecha_base::{Error, Kind, Result};
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Decoded, Envelope, Limits, Protocol};
use mecha_config::filter::Conversion;
use mecha_http::{Headers, RequestHead, ResponseHead, StatusCode, Version};
use mecha_rpc::head;

/// What an HTTP request becomes: the head of a frame with the number 0. Whoever waits no longer than `timeout` says so in
/// it; zero = nothing is said.
///
/// # Errors
/// 400 naming what is wrong with the request; 501 when the protocol is neither Dubbo nor Bolt.
pub fn request_to_rpc(
    head: &RequestHead,
    body: &[u8],
    protocol: Protocol,
    conversion: &Conversion,
    timeout: Duration,
) -> Result<RequestHead> {
    let mut frame = BytesMut::new();
    match protocol {
        Protocol::Dubbo => dubbo::request(head, body, conversion, timeout, &mut frame)?,
        Protocol::Bolt | Protocol::BoltV2 => {
            bolt::request(head, body, protocol, conversion, timeout, &mut frame)?;
        }
        other => return Err(unsupported(other)),
    }
    let (envelope, fields) = read_back(protocol, frame)?;
    Ok(head::request_head(envelope, fields))
}

/// What the answer to such a request becomes.
///
/// # Errors
/// 502 when it can't be read, or holds what JSON has no word for (a value that contains itself).
pub fn response_to_http(head: &ResponseHead, conversion: &Conversion) -> Result<(ResponseHead, Bytes)> {
    let Some(envelope) = &head.rpc else {
        return Err(Error::local(Kind::Internal, "an answer that is no RPC message was to be converted"));
    };
    let answer = match envelope.protocol {
        Protocol::Dubbo => dubbo::answer(envelope, conversion)?,
        Protocol::Bolt | Protocol::BoltV2 => bolt::answer(envelope, &head.headers, conversion)?,
        other => return Err(unsupported(other)),
    };
    let mut converted = ResponseHead::new(answer.status);
    fields::add(&head.headers, false, &mut converted.headers);
    set(&mut converted.headers, "content-type", answer.content_type);
    Ok((converted, answer.body))
}

/// What a request of Dubbo or Bolt becomes: `POST /service/method`, its arguments a JSON array.
///
/// # Errors
/// 400 when its arguments can't be read, or hold what JSON has no word for; 501 when it is neither Dubbo nor Bolt.
pub fn request_to_http(head: &RequestHead, conversion: &Conversion) -> Result<(RequestHead, Bytes)> {
    let Some(envelope) = &head.rpc else {
        return Err(Error::local(Kind::Internal, "a request that is no RPC message was to be converted"));
    };
    let call = match envelope.protocol {
        Protocol::Dubbo => dubbo::call(envelope, &head.headers, conversion)?,
        Protocol::Bolt | Protocol::BoltV2 => bolt::call(envelope, &head.headers, conversion)?,
        other => return Err(unsupported(other)),
    };
    let service = conversion.service.as_deref().unwrap_or(&head.authority);
    let method = conversion.method.as_deref().unwrap_or(&call.method);
    let mut headers = Headers::new();
    fields::add(&head.headers, true, &mut headers);
    set(&mut headers, "content-type", call.content_type);
    if !method.is_empty() {
        set(&mut headers, "method", method);
    }
    let converted = RequestHead {
        version: Version::Http11,
        method: mecha_http::Method::POST,
        authority: service.into(),
        target: target::path(service, method).into(),
        headers,
        rpc: None,
    };
    Ok((converted, call.body))
}

/// What the HTTP answer to such a request becomes: the head of a frame that answers `request`. Any status but 2xx is an
/// answer that says that the call was not made.
///
/// # Errors
/// 502 when the body says that it is JSON and is not, or can't be put into a frame.
pub fn response_to_rpc(
    head: &ResponseHead,
    body: &[u8],
    request: &Envelope,
    conversion: &Conversion,
) -> Result<ResponseHead> {
    let mut frame = BytesMut::new();
    if !head.status.is_success() {
        let text = failure::text(body);
        request.protocol.codec().reply(request, head.status.as_u16(), &text, &mut frame);
    } else {
        match request.protocol {
            Protocol::Dubbo => dubbo::response(head, body, request, conversion, &mut frame)?,
            Protocol::Bolt | Protocol::BoltV2 => {
                bolt::response(head, body, request, conversion, &mut frame)?;
            }
            other => return Err(unsupported(other)),
        }
    }
    let (envelope, fields) = read_back(request.protocol, frame)?;
    Ok(head::response_head(envelope, fields))
}

/// An answer to an HTTP client.
struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

/// A request to an HTTP server.
struct Call {
    method: String,
    content_type: &'static str,
    body: Bytes,
}

const JSON: &str = "application/json";
const OPAQUE: &str = "application/octet-stream";

/// What was written is read by the codec that reads everybody's frames: fields and payload are where it finds them.
fn read_back(protocol: Protocol, mut frame: BytesMut) -> Result<(Envelope, Vec<Field>)> {
    let mut fields = Vec::new();
    let limits = Limits { frame: i32::MAX as usize };
    match protocol.codec().decode(&mut frame, &limits, &mut fields) {
        Ok(Decoded::Frame(envelope)) => Ok((envelope, fields)),
        Ok(Decoded::More { .. }) => Err(Error::local(Kind::Internal, "a frame of our own is cut off")),
        Err(error) => Err(Error::local(Kind::Internal, error.reason)),
    }
}

fn unsupported(protocol: Protocol) -> Error {
    let context = format!("messages of {} can't be converted from and to HTTP", protocol.name());
    Error::downstream(Kind::BadRequest(501), context)
}

/// Sets a field to text that is known to be one; what can't stand in a head is left out.
fn set(headers: &mut Headers, name: &str, value: &str) {
    let _ = headers.set(name, value.as_bytes());
}

fn bad_request(context: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::downstream(Kind::BadRequest(400), context)
}

fn bad_answer(context: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::upstream(Kind::UpstreamProtocol, context)
}

#[cfg(test)]
mod tests;

//! Frames as heads, so that routing, filters and the exchange see of a call what they see of an HTTP request. A message
//! of an RPC protocol is its head: it has no body beside it.

use bytestring::ByteString;
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Envelope, name};
use mecha_http::{Headers, Method, RequestHead, ResponseHead, StatusCode, Version};

/// The head of a request: the service that is called stands for the authority, the method is POST and the target `/`.
/// The authority is empty when the frame names no service, or not in UTF-8.
pub fn request_head(envelope: Envelope, fields: Vec<Field>) -> RequestHead {
    let service = fields.iter().find(|field| field.name == name::SERVICE);
    let authority = service
        .filter(|field| field.value.range().end <= envelope.raw.len())
        .and_then(|field| ByteString::try_from(envelope.raw.slice(field.value.range())).ok());
    RequestHead {
        version: Version::Rpc,
        method: Method::POST,
        authority: authority.unwrap_or_default(),
        target: ByteString::from_static("/"),
        headers: Headers::from_block(envelope.raw.clone(), fields),
        rpc: Some(envelope),
    }
}

/// The head of a response, with the HTTP status that its own status means.
pub fn response_head(envelope: Envelope, fields: Vec<Field>) -> ResponseHead {
    ResponseHead {
        version: Version::Rpc,
        status: StatusCode::from_u16(envelope.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        reason: None,
        headers: Headers::from_block(envelope.raw.clone(), fields),
        rpc: Some(envelope),
    }
}

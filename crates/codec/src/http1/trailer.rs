//! The trailer section of a chunked body (RFC 9112 section 7.1.2, RFC 9110 section 6.5).

use super::fields::{BARE_LF, fault, follows_crlf, place};
use super::{Field, HeaderId, Limits, ParseError};

/// The most trailer fields one message can hold, whatever the limits say: they are collected on the stack.
const MAX_TRAILERS: usize = 64;

/// Parses the trailer section at the start of `buf`, which does not begin with its final empty line: the length of
/// the section, and the fields that may be passed on, as spans from its start. `None` means more bytes are needed.
pub(crate) fn parse_trailers(buf: &[u8], limits: &Limits) -> Result<Option<(usize, Vec<Field>)>, ParseError> {
    let window = buf.get(..limits.trailer_bytes).unwrap_or(buf);
    let mut slots = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    let (slots, _) = slots.split_at_mut(limits.header_count.min(MAX_TRAILERS));
    match httparse::parse_headers(window, slots) {
        Ok(httparse::Status::Complete((len, headers))) => {
            let fields: Vec<Field> = headers.iter().map(|header| place(buf, header)).collect();
            let lines = fields.iter().map(|field| field.name.at as usize).skip(1);
            if !lines.chain([len.saturating_sub(2), len]).all(|at| follows_crlf(buf, at)) {
                return Err(BARE_LF);
            }
            Ok(Some((len, fields.into_iter().filter(|field| !is_forbidden_trailer(field.id)).collect())))
        }
        Ok(httparse::Status::Partial) if buf.len() > limits.trailer_bytes => {
            Err(ParseError::new(431, "trailer section is larger than its limit"))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

/// Whether a field must not be sent or passed on as a trailer: it decides framing, routing, authentication,
/// how the content is read, or belongs to the connection (RFC 9110 section 6.5.1).
pub const fn is_forbidden_trailer(id: HeaderId) -> bool {
    matches!(
        id,
        HeaderId::Host
            | HeaderId::Connection
            | HeaderId::KeepAlive
            | HeaderId::ProxyConnection
            | HeaderId::ProxyAuthenticate
            | HeaderId::ProxyAuthorization
            | HeaderId::Te
            | HeaderId::Trailer
            | HeaderId::TransferEncoding
            | HeaderId::Upgrade
            | HeaderId::Http2Settings
            | HeaderId::Expect
            | HeaderId::ContentLength
            | HeaderId::ContentType
            | HeaderId::ContentEncoding
            | HeaderId::ContentRange
            | HeaderId::Authorization
            | HeaderId::CacheControl
            | HeaderId::Cookie
            | HeaderId::SetCookie
            | HeaderId::Location
            | HeaderId::MaxForwards
            | HeaderId::RetryAfter
    )
}

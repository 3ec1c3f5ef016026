//! The map shape: what `h2` hands over and takes.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use mecha_codec::http1::HeaderId;

use super::InvalidField;
use super::block::Block;

pub(super) fn append(map: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), InvalidField> {
    let (name, value) = field(name, value)?;
    map.try_append(name, value).map_err(|_| InvalidField)?;
    Ok(())
}

pub(super) fn set(map: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), InvalidField> {
    let (name, value) = field(name, value)?;
    map.try_insert(name, value).map_err(|_| InvalidField)?;
    Ok(())
}

fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), InvalidField> {
    if is_forbidden(HeaderId::of(name.as_bytes()), value) {
        return Err(InvalidField);
    }
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidField)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| InvalidField)?;
    Ok((name, value))
}

/// Whether HTTP/2 forbids a field because it is about an HTTP/1 connection (RFC 9113 section 8.2.2).
fn is_forbidden(id: HeaderId, value: &[u8]) -> bool {
    match id {
        HeaderId::Connection
        | HeaderId::KeepAlive
        | HeaderId::ProxyConnection
        | HeaderId::TransferEncoding
        | HeaderId::Upgrade
        | HeaderId::Http2Settings => true,
        HeaderId::Te => value != b"trailers",
        _ => false,
    }
}

/// The fields of a block; values share its bytes. `Host` is left out, since HTTP/2 says `:authority`, and
/// so is what HTTP/2 forbids.
pub(super) fn from_block(block: &Block) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(block.len());
    for field in block.fields() {
        if field.id == HeaderId::Host || is_forbidden(field.id, block.bytes(field.value)) {
            continue;
        }
        let name = match name_of(field.id) {
            Some(name) => name,
            None => match HeaderName::from_bytes(block.bytes(field.name)) {
                Ok(name) => name,
                Err(_) => continue,
            },
        };
        let value = match block.share(field.value) {
            Some(shared) => HeaderValue::from_maybe_shared(shared),
            None => HeaderValue::from_bytes(block.bytes(field.value)),
        };
        if let Ok(value) = value {
            let _ = map.try_append(name, value);
        }
    }
    map
}

/// The map's name of a well-known field.
pub(super) fn name_of(id: HeaderId) -> Option<HeaderName> {
    Some(match id {
        HeaderId::Other => return None,
        HeaderId::Host => header::HOST,
        HeaderId::Connection => header::CONNECTION,
        HeaderId::ContentLength => header::CONTENT_LENGTH,
        HeaderId::ContentType => header::CONTENT_TYPE,
        HeaderId::TransferEncoding => header::TRANSFER_ENCODING,
        HeaderId::Te => header::TE,
        HeaderId::Trailer => header::TRAILER,
        HeaderId::Upgrade => header::UPGRADE,
        HeaderId::Expect => header::EXPECT,
        HeaderId::Date => header::DATE,
        HeaderId::Server => header::SERVER,
        HeaderId::UserAgent => header::USER_AGENT,
        HeaderId::Accept => header::ACCEPT,
        HeaderId::Cookie => header::COOKIE,
        HeaderId::SetCookie => header::SET_COOKIE,
        HeaderId::Location => header::LOCATION,
        other => HeaderName::from_static(other.name()),
    })
}

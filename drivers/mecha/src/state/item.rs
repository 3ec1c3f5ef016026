//! An item as the engine keeps it: the length of the content type, two bytes, big end first, the content type, the value.

use bytes::{Buf, Bytes};
use mecha_component::state::etag::{Expected, numeric};
use mecha_component::state::{Item, SetRequest, ttl};
use mecha_component::{Error, Result};

use crate::engine::{Condition, Record, now_millis};

/// When the item ends (0 = never) and its stored form, a copy of its own: the value may be a slice of a large request
/// body, which would live on with it.
///
/// # Errors
/// When the wish for expiry or the content type can't be one.
pub(super) fn encode(request: &SetRequest) -> Result<(u64, Bytes)> {
    let expires = ttl::expires_at(request, now_millis())?.unwrap_or(0);
    let content_type = request.content_type.as_deref().unwrap_or_default();
    let length = u16::try_from(content_type.len());
    let length = length.map_err(|_| Error::invalid("the content type is longer than 65,535 bytes"))?;
    let mut data = Vec::with_capacity(2 + content_type.len() + request.value.len());
    data.extend_from_slice(&length.to_be_bytes());
    data.extend_from_slice(content_type.as_bytes());
    data.extend_from_slice(&request.value);
    Ok((expires, Bytes::from(data)))
}

/// The item in a record.
///
/// # Errors
/// When the record is none.
pub(super) fn decode(record: Record) -> Result<Item> {
    let mut value = record.data;
    let length = value.try_get_u16().map(usize::from).ok().filter(|length| *length <= value.len());
    let length = length.ok_or_else(|| Error::internal("a stored item can't be read: it has another form"))?;
    let content_type = value.split_to(length);
    Ok(Item {
        value,
        etag: Some(record.version.to_string()),
        metadata: ttl::metadata(Some(record.expires).filter(|expires| *expires != 0)),
        content_type: (length > 0).then(|| String::from_utf8_lossy(&content_type).into_owned()),
    })
}

/// What must be stored for a request to go through.
///
/// # Errors
/// When the etag is no number.
pub(super) fn condition(expected: Expected<'_>) -> Result<Condition> {
    Ok(match expected {
        Expected::Anything => Condition::Any,
        Expected::Nothing => Condition::Absent,
        Expected::Version(etag) => Condition::Version(numeric(etag)?),
    })
}

/// The error of a write whose condition did not hold.
pub(super) fn mismatch(condition: Condition) -> Error {
    Error::etag_mismatch(Some(match condition {
        Condition::Absent => "an item is stored already and no etag was given",
        Condition::Any | Condition::Version(_) => "another version is stored",
    }))
}

//! A message as the log keeps it: content type, then name and value of its metadata, each with its length before it, then
//! the payload. Lengths are four bytes, big end first.

use bytes::{Buf, BufMut, Bytes};
use mecha_component::pubsub::{Message, Metadata, TTL_KEY};
use mecha_component::{Error, Result};

use crate::engine::now_millis;

/// The stored form, a copy of its own.
pub(crate) fn encode(content_type: Option<&str>, metadata: &Metadata, data: &[u8]) -> Bytes {
    let size: usize = metadata.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    let mut out = Vec::with_capacity(8 + content_type.map_or(0, str::len) + size + data.len());
    put(&mut out, content_type.unwrap_or_default());
    out.put_u32(u32::try_from(metadata.len()).unwrap_or(u32::MAX));
    for (name, value) in metadata {
        put(&mut out, name);
        put(&mut out, value);
    }
    out.extend_from_slice(data);
    Bytes::from(out)
}

/// The message in a stored form; `None` when it is none.
pub(crate) fn decode(topic: &str, mut stored: Bytes) -> Option<Message> {
    let content_type = take(&mut stored)?;
    let mut metadata = Metadata::new();
    for _ in 0..stored.try_get_u32().ok()? {
        metadata.insert(take(&mut stored)?, take(&mut stored)?);
    }
    let content_type = Some(content_type).filter(|text| !text.is_empty());
    Some(Message { topic: topic.to_owned(), data: stored, content_type, metadata })
}

/// When a message with this metadata ends, in milliseconds since 1970; 0 = never.
///
/// # Errors
/// When `ttlInSeconds` is no positive number.
pub(crate) fn expires(metadata: &Metadata) -> Result<u64> {
    let Some(text) = metadata.get(TTL_KEY).filter(|text| !text.is_empty()) else { return Ok(0) };
    match text.trim().parse::<u64>() {
        Ok(seconds) if seconds > 0 => Ok(now_millis().saturating_add(seconds.saturating_mul(1000))),
        _ => Err(Error::invalid(format!("{TTL_KEY}: `{text}` is not a positive number of seconds"))),
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(text.as_bytes());
}

fn take(stored: &mut Bytes) -> Option<String> {
    let length = stored.try_get_u32().ok()? as usize;
    if length > stored.len() {
        return None;
    }
    String::from_utf8(stored.split_to(length).to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_went() {
        let metadata: Metadata = [("rawPayload".to_owned(), "true".to_owned())].into();
        let stored = encode(Some("application/json"), &metadata, b"{}");
        let message = decode("orders", stored.clone()).unwrap();
        assert_eq!(message.content_type.as_deref(), Some("application/json"));
        assert_eq!((message.topic.as_str(), &message.data[..]), ("orders", &b"{}"[..]));
        assert_eq!(message.metadata, metadata);
        for end in 0..stored.len() - 2 {
            assert!(decode("orders", stored.slice(..end)).is_none(), "{end} bytes are a message");
        }
    }

    #[test]
    fn expiry_is_a_positive_number_of_seconds() {
        let with = |ttl: &str| expires(&[(TTL_KEY.to_owned(), ttl.to_owned())].into());
        assert_eq!(expires(&Metadata::new()), Ok(0));
        assert!(with("60").unwrap() > now_millis());
        assert!(with("0").is_err() && with("-1").is_err() && with("soon").is_err());
    }
}

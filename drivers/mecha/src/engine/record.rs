//! What is stored under a key, and its form in the file below.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// Bytes before the data: version and expiry.
const HEAD: usize = 16;

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number of the change that wrote it.
    pub(crate) version: u64,
    /// When it ends, in milliseconds since 1970; 0 = never.
    pub(crate) expires: u64,
    /// What was stored.
    pub(crate) data: Bytes,
}

impl Record {
    /// Whether it has not ended at `now`.
    pub(crate) fn lives(&self, now: u64) -> bool {
        self.expires == 0 || self.expires > now
    }

    /// Writes its stored form to `out`, which is cleared before.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.expires.to_be_bytes());
        out.extend_from_slice(&self.data);
    }

    /// Reads a stored form; `None` when it is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<8>()?;
        let (expires, data) = rest.split_first_chunk::<8>()?;
        Some(Record {
            version: u64::from_be_bytes(*version),
            expires: u64::from_be_bytes(*expires),
            data: Bytes::copy_from_slice(data),
        })
    }

    /// The expiry in a stored form; 0 when it is none.
    pub(crate) fn expires_of(bytes: &[u8]) -> u64 {
        bytes.get(8..HEAD).and_then(|part| part.try_into().ok()).map_or(0, u64::from_be_bytes)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The first key after every key that begins with `prefix`. Prefixes here begin with a letter, so there is one.
pub(crate) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            break;
        }
        end.pop();
    }
    end
}

//! Times of expiry as stores keep them: milliseconds since the Unix epoch. What a request asks for is read by
//! [`super::SetRequest::ttl`].

use std::time::SystemTime;

use super::{Metadata, SetRequest, TTL_EXPIRE_TIME};
use crate::Result;

/// Now, in milliseconds since the Unix epoch.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When what `request` stores at `now` expires; `None` = never. A write that says nothing about expiry takes an earlier
/// one away (reference 7.2).
///
/// # Errors
/// When the wish can't be read.
pub fn expires_at(request: &SetRequest, now: u64) -> Result<Option<u64>> {
    Ok(request.ttl()?.flatten().map(|seconds| now.saturating_add(seconds.saturating_mul(1000))))
}

/// The metadata that tells about it, RFC 3339 in whole seconds; empty when there is no expiry.
pub fn metadata(expires_at: Option<u64>) -> Metadata {
    expires_at.map(|at| (TTL_EXPIRE_TIME.to_owned(), rfc3339(at))).into_iter().collect()
}

fn rfc3339(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::TTL_KEY;

    fn with_ttl(ttl: &str) -> SetRequest {
        SetRequest { metadata: [(TTL_KEY.to_owned(), ttl.to_owned())].into(), ..Default::default() }
    }

    #[test]
    fn wishes_become_times() {
        assert_eq!(expires_at(&with_ttl("2"), 1_000), Ok(Some(3_000)));
        assert_eq!(expires_at(&with_ttl("-1"), 1_000), Ok(None));
        assert_eq!(expires_at(&with_ttl(""), 1_000), Ok(None));
        assert_eq!(expires_at(&SetRequest::default(), 1_000), Ok(None));
        assert!(expires_at(&with_ttl("soon"), 1_000).is_err());
        assert!(expires_at(&with_ttl("-2"), 1_000).is_err());
    }

    #[test]
    fn the_time_is_told_in_whole_seconds() {
        let metadata = metadata(Some(1_700_000_000_999));
        assert_eq!(metadata.get(TTL_EXPIRE_TIME).map(String::as_str), Some("2023-11-14T22:13:20Z"));
        assert!(super::metadata(None).is_empty());
    }
}

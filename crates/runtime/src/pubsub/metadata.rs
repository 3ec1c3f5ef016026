//! Keys of a request's metadata that the runtime itself understands. Names match in any case, as Dapr's do.

use mecha_component::pubsub::{Metadata, TTL_KEY};

/// Bytes go to the topic as they are, or come from it as they are.
const RAW_PAYLOAD: &str = "rawPayload";

/// The value of `name`; an empty one counts as absent.
pub(crate) fn get<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a str> {
    let found = metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Whether messages go without an envelope.
///
/// # Errors
/// When the value is none of Go's truth values.
pub(crate) fn raw_payload(metadata: &Metadata) -> Result<bool, String> {
    match get(metadata, RAW_PAYLOAD) {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some(value) => Err(format!("{RAW_PAYLOAD} value must be a valid boolean: actual is '{value}'")),
    }
}

/// After how many seconds a message expires; what can't be a number of seconds is left to the driver.
pub(crate) fn ttl_seconds(metadata: &Metadata) -> Option<i64> {
    get(metadata, TTL_KEY)?.parse().ok().filter(|seconds| *seconds > 0)
}

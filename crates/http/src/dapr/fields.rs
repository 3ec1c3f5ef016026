//! Header fields and the metadata of messages. Names are written as Go writes header names, since runtimes that call
//! gRPC applications tell HTTP's own fields by that; names that begin with `dapr-` and the like stay in lower case, by
//! which they are looked up.

use http::{HeaderMap, HeaderName, HeaderValue};
use mecha_codec::dapr::Metadata;

use crate::headers::OF_ONE_HOP;

/// Fields of this process that never leave it, and that nobody else may bring in.
pub(super) const INTERNAL: &str = "x-mecha-";

/// Names that are looked up as they are.
const LOWER: [&str; 2] = ["dapr-", "destination-app-id"];

/// Fields that are told by other means.
const NOT_SENT: [&str; 2] = ["te", "host"];

/// Whether a field may stand in metadata.
pub(super) fn is_sent(name: &str) -> bool {
    !OF_ONE_HOP.contains(&name) && !NOT_SENT.contains(&name) && !name.starts_with(INTERNAL)
}

/// Adds a field to metadata.
pub(super) fn put(metadata: &mut Metadata, name: &str, value: &[u8]) {
    let value = String::from_utf8_lossy(value).into_owned();
    metadata.entry(canonical(name)).or_default().values.push(value);
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    if LOWER.iter().any(|prefix| name.starts_with(prefix)) {
        return name.to_owned();
    }
    let mut begins = true;
    let each = |letter: char| {
        let out = if begins { letter.to_ascii_uppercase() } else { letter };
        begins = letter == '-';
        out
    };
    name.chars().map(each).collect()
}

/// Metadata as header fields. What gRPC keeps for itself gets a prefix, binary values are left out, and so is what
/// `skip` names (reference 1.5).
pub(super) fn take(metadata: Metadata, skip: &[&str], headers: &mut HeaderMap) {
    for (name, values) in metadata {
        let name = name.to_ascii_lowercase();
        if name.ends_with("-bin") || !is_sent(&name) || skip.contains(&name.as_str()) {
            continue;
        }
        let name = match name.strip_prefix(':') {
            Some(pseudo) => format!("dapr-{pseudo}"),
            None if name.starts_with("grpc-") => format!("dapr-{name}"),
            None => name,
        };
        let Ok(name) = HeaderName::try_from(name) else { continue };
        for value in values.values {
            if let Ok(value) = HeaderValue::try_from(value) {
                let _ = headers.try_append(name.clone(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_their_readers_look_them_up() {
        let table = [
            ("content-type", "Content-Type"),
            ("x-forwarded-for", "X-Forwarded-For"),
            ("etag", "Etag"),
            ("dapr-caller-app-id", "dapr-caller-app-id"),
            ("destination-app-id", "destination-app-id"),
        ];
        for (name, written) in table {
            assert_eq!(canonical(name), written);
        }
    }

    #[test]
    fn what_is_reserved_is_renamed_or_left_out() {
        let mut metadata = Metadata::new();
        for name in
            [":method", "grpc-timeout", "Trace-Bin", "X-Mecha-Rpc-Status", "Connection", "X-Two", "Skipped"]
        {
            metadata.entry(name.to_owned()).or_default().values = vec!["1".to_owned(), "2".to_owned()];
        }
        let mut headers = HeaderMap::new();
        take(metadata, &["skipped"], &mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["dapr-grpc-timeout", "dapr-method", "x-two"]);
        assert_eq!(headers.get_all("x-two").iter().count(), 2);
    }
}

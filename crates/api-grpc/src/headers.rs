//! Header fields of HTTP messages as gRPC metadata (reference 1.5): fields that mean something to HTTP itself get the
//! prefix `dapr-`, those of the gRPC protocol stay behind.

use http::{HeaderMap, HeaderName};

/// Fields that Dapr renames, of IANA's permanent ones; in order.
const PERMANENT: [&str; 28] = [
    "accept",
    "accept-charset",
    "accept-language",
    "accept-ranges",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-schedule-tag-match",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-connection",
    "referer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
];

/// An HTTP message's fields as metadata.
pub(crate) fn to_metadata(headers: &HeaderMap) -> HeaderMap {
    renamed(headers, |name| match name {
        "te" | "destination-app-id" => None,
        "grpc-trace-bin" => Some(false),
        name if name.starts_with("grpc-") => None,
        name => Some(PERMANENT.binary_search(&name).is_ok()),
    })
}

/// Metadata as an HTTP message's fields. Values of binary ones stay base64, as the wire has them.
pub(crate) fn from_metadata(metadata: &HeaderMap) -> HeaderMap {
    renamed(metadata, |name| match name {
        "te" | "content-type" | "content-length" | "grpc-status" | "grpc-message" => None,
        "grpc-status-details-bin" => None,
        "grpc-trace-bin" => Some(false),
        name => Some(name.starts_with("grpc-")),
    })
}

/// The fields that `wanted` wants, with the prefix where it says so.
fn renamed(headers: &HeaderMap, wanted: impl Fn(&str) -> Option<bool>) -> HeaderMap {
    let mut named = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = match wanted(name.as_str()) {
            None => continue,
            Some(false) => name.clone(),
            Some(true) => match HeaderName::try_from(format!("dapr-{name}")) {
                Ok(name) => name,
                Err(_) => continue,
            },
        };
        named.append(name, value.clone());
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn fields_of_http_itself_are_renamed_and_those_of_grpc_stay_behind() {
        let mut headers = HeaderMap::new();
        for name in ["content-type", "warning", "te", "grpc-timeout", "x-mine", "traceparent"] {
            headers.append(name, "v".parse().unwrap());
        }
        assert_eq!(
            names(&to_metadata(&headers)),
            ["dapr-content-type", "dapr-warning", "x-mine", "traceparent"]
        );
    }

    #[test]
    fn metadata_of_the_protocol_does_not_become_fields() {
        let mut metadata = HeaderMap::new();
        for name in ["content-type", "te", "grpc-status", "grpc-accept-encoding", "x-mine", "x-bytes-bin"] {
            metadata.append(name, "v".parse().unwrap());
        }
        assert_eq!(names(&from_metadata(&metadata)), ["dapr-grpc-accept-encoding", "x-mine", "x-bytes-bin"]);
    }
}

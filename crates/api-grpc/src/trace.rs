//! The trace that a call belongs to: W3C's fields, or the binary form that gRPC libraries had before them
//! (`grpc-trace-bin`).

use std::fmt::Write;

use mecha_runtime::publish::Trace;
use tonic::metadata::MetadataMap;

/// The trace that the metadata of a call names; empty when it names none.
pub(crate) fn of(metadata: &MetadataMap) -> Trace {
    let text =
        |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut parent = text("traceparent");
    if parent.is_empty()
        && let Some(value) = metadata.get_bin("grpc-trace-bin")
        && let Ok(bytes) = value.to_bytes()
    {
        parent = from_binary(&bytes).unwrap_or_default();
    }
    Trace { parent, state: text("tracestate") }
}

/// The binary form is a version (0), then fields: their number and so many bytes as that field has.
fn from_binary(bytes: &[u8]) -> Option<String> {
    let rest = bytes.strip_prefix(&[0, 0])?;
    let (trace, rest) = rest.split_at_checked(16)?;
    let (span, rest) = rest.strip_prefix(&[1])?.split_at_checked(8)?;
    let flags = rest.strip_prefix(&[2]).and_then(|rest| rest.first()).copied().unwrap_or_default();
    let mut parent = String::with_capacity(55);
    parent.push_str("00-");
    hex(&mut parent, trace);
    parent.push('-');
    hex(&mut parent, span);
    parent.push('-');
    hex(&mut parent, &[flags]);
    Some(parent)
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataValue;

    #[test]
    fn the_binary_form_is_read_when_there_is_no_other() {
        let mut bytes = vec![0, 0];
        bytes.extend([0x11; 16]);
        bytes.push(1);
        bytes.extend([0x22; 8]);
        bytes.extend([2, 1]);
        let mut metadata = MetadataMap::new();
        metadata.insert_bin("grpc-trace-bin", MetadataValue::from_bytes(&bytes));
        let expected = "00-11111111111111111111111111111111-2222222222222222-01";
        assert_eq!(of(&metadata).parent, expected);

        metadata.insert("traceparent", "00-a-b-00".parse().unwrap());
        assert_eq!(of(&metadata).parent, "00-a-b-00");
    }

    #[test]
    fn a_binary_form_cut_short_names_no_trace() {
        let mut metadata = MetadataMap::new();
        metadata.insert_bin("grpc-trace-bin", MetadataValue::from_bytes(&[0, 0, 1, 2]));
        assert_eq!(of(&metadata).parent, "");
    }
}

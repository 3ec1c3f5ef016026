//! Fields that belong to one hop (RFC 9110 section 7.6.1): taken off when a head comes in, made anew when
//! one goes out.

use bytes::BytesMut;
use mecha_codec::http1::{self, Field, HeaderId, list_tokens};

use crate::body::Length;
use crate::headers::Headers;

/// Takes the hop-by-hop fields out of a parsed head. `Upgrade` stays when the head asks for or makes an
/// upgrade; `TE` stays when it is exactly `trailers`, which gRPC requires.
pub(super) fn strip_hop_by_hop(text: &[u8], fields: &mut Vec<Field>, nominates: bool, upgrade: bool) {
    if nominates {
        strip_nominated(text, fields);
    }
    fields.retain(|field| match field.id {
        HeaderId::Connection
        | HeaderId::KeepAlive
        | HeaderId::ProxyConnection
        | HeaderId::TransferEncoding => false,
        HeaderId::Upgrade => upgrade,
        HeaderId::Te => field.value.slice(text).eq_ignore_ascii_case(b"trailers"),
        _ => true,
    });
}

/// Takes out the fields that `Connection` names. Those that carry framing or routing can't be named away.
fn strip_nominated(text: &[u8], fields: &mut Vec<Field>) {
    let nominated: Vec<Vec<u8>> = fields
        .iter()
        .filter(|field| field.id == HeaderId::Connection)
        .flat_map(|field| list_tokens(field.value.slice(text)))
        .map(<[u8]>::to_vec)
        .collect();
    fields.retain(|field| {
        let fixed =
            matches!(field.id, HeaderId::Host | HeaderId::ContentLength | HeaderId::Upgrade | HeaderId::Te);
        fixed || !nominated.iter().any(|name| field.name.slice(text).eq_ignore_ascii_case(name))
    });
}

/// What a head says of its own connection.
pub(super) struct Hop {
    /// How the body goes.
    pub(super) length: Length,
    /// Whether to say `Connection: close`.
    pub(super) close: bool,
    /// Whether to say `Connection: keep-alive`, as HTTP/1.0 wants it said.
    pub(super) keep_alive: bool,
    /// Whether an `Upgrade` field among the others is meant.
    pub(super) upgrade: bool,
    /// Whether an empty body must be announced by `Content-Length: 0`.
    pub(super) announce_empty: bool,
    /// Whether a body of unknown length goes in chunks.
    pub(super) chunked: bool,
}

/// Writes the fields of a head and the empty line after them.
pub(super) fn write_fields(headers: &Headers, hop: &Hop, out: &mut BytesMut) {
    let mut has_length = false;
    let mut te = false;
    headers.write_lines(out, |id| match id {
        HeaderId::ContentLength => {
            // A body in chunks, or a tunnel, has no length.
            let kept = !has_length && matches!(hop.length, Length::Known(_) | Length::Empty);
            has_length = true;
            kept
        }
        HeaderId::Connection
        | HeaderId::KeepAlive
        | HeaderId::ProxyConnection
        | HeaderId::TransferEncoding => false,
        HeaderId::Upgrade => hop.upgrade,
        HeaderId::Te => {
            te = true;
            true
        }
        _ => true,
    });
    match hop.length {
        Length::Known(length) if !has_length => {
            http1::write_field(b"content-length", itoa::Buffer::new().format(length).as_bytes(), out);
        }
        Length::Empty if hop.announce_empty && !has_length => {
            http1::write_field(b"content-length", b"0", out)
        }
        Length::Unknown if hop.chunked => http1::write_field(b"transfer-encoding", b"chunked", out),
        _ => {}
    }
    let connection: &[u8] = match (hop.upgrade, hop.close, te, hop.keep_alive) {
        (true, ..) => b"upgrade",
        (_, true, true, _) => b"close, te",
        (_, true, false, _) => b"close",
        (_, false, true, _) => b"te",
        (_, false, false, true) => b"keep-alive",
        _ => b"",
    };
    if !connection.is_empty() {
        http1::write_field(b"connection", connection, out);
    }
    out.extend_from_slice(b"\r\n");
}

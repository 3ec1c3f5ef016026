//! Fields that belong to one hop (RFC 9110 section 7.6.1): taken off when a head comes in, made anew when
//! one goes out.

use bytes::BytesMut;
use mecha_codec::http1::{self, Field, HeaderId, list_tokens};

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
        | HeaderId::TransferEncoding
        | HeaderId::Http2Settings => false,
        HeaderId::Upgrade => upgrade,
        HeaderId::Te => field.value.slice(text).eq_ignore_ascii_case(b"trailers"),
        _ => true,
    });
}

/// Takes out the fields that `Connection` names. Those that carry framing or routing can't be named away.
fn strip_nominated(text: &[u8], fields: &mut Vec<Field>) {
    let nominated: Vec<&[u8]> = fields
        .iter()
        .filter(|field| field.id == HeaderId::Connection)
        .flat_map(|field| list_tokens(field.value.slice(text)))
        .collect();
    fields.retain(|field| {
        let fixed =
            matches!(field.id, HeaderId::Host | HeaderId::ContentLength | HeaderId::Upgrade | HeaderId::Te);
        fixed || !nominated.iter().any(|name| field.name.slice(text).eq_ignore_ascii_case(name))
    });
}

/// Whether `Upgrade` offers HTTP/2. That upgrade is obsolete (RFC 9113 section 3.1), and to pass it on would let a
/// client speak to the upstream past all routing.
pub(super) fn offers_http2(text: &[u8], fields: &[Field]) -> bool {
    fields
        .iter()
        .filter(|field| field.id == HeaderId::Upgrade)
        .flat_map(|field| list_tokens(field.value.slice(text)))
        .filter_map(|protocol| protocol.split(|byte| *byte == b'/').next())
        .any(|name| name.eq_ignore_ascii_case(b"h2c"))
}

/// What a head says of its own connection and of the length of its body.
pub(super) struct Hop {
    /// What it says of the length.
    pub(super) length: Announce,
    /// Whether to say `Connection: close`.
    pub(super) close: bool,
    /// Whether to say `Connection: keep-alive`, as HTTP/1.0 wants it said.
    pub(super) keep_alive: bool,
    /// Whether an `Upgrade` field among the others is meant.
    pub(super) upgrade: bool,
}

/// What a head says of the length of its body. What the fields said when they came in counts only where it
/// is the same, so that no two readers can disagree on where the message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announce {
    /// Nothing: the body ends with the connection, or there can be none (1xx, 204, a tunnel; RFC 9110 section 8.6).
    Nothing,
    /// So many bytes.
    Bytes(u64),
    /// That there is none, if the head that came in said so too.
    MaybeNone,
    /// `Content-Length` as it came: it tells of a body that is not sent (HEAD, 304).
    AsItCame,
    /// Chunks.
    Chunks,
}

impl Announce {
    /// Whether a `Content-Length` among the fields is right as it stands.
    fn agrees(self, headers: &Headers) -> bool {
        let same = |length: u64| {
            let said = headers.get_id(HeaderId::ContentLength);
            said.is_some_and(|said| said == itoa::Buffer::new().format(length).as_bytes())
        };
        match self {
            Announce::Nothing | Announce::Chunks => false,
            Announce::Bytes(length) => same(length),
            Announce::MaybeNone => same(0),
            Announce::AsItCame => true,
        }
    }
}

/// Writes the fields of a head and the empty line after them.
pub(super) fn write_fields(headers: &Headers, hop: &Hop, out: &mut BytesMut) {
    let agrees = hop.length.agrees(headers);
    let mut keeps_length = agrees;
    let (mut host, mut te) = (false, false);
    headers.write_lines(out, |id| match id {
        // The first one at the most.
        HeaderId::ContentLength => std::mem::take(&mut keeps_length),
        HeaderId::Connection
        | HeaderId::KeepAlive
        | HeaderId::ProxyConnection
        | HeaderId::TransferEncoding => false,
        HeaderId::Upgrade => hop.upgrade,
        // A second one could only have been added here, and no server takes two (RFC 9112 section 3.2).
        HeaderId::Host => !std::mem::replace(&mut host, true),
        HeaderId::Te => {
            te = true;
            true
        }
        _ => true,
    });
    match hop.length {
        Announce::Bytes(length) if !agrees => {
            http1::write_field(b"content-length", itoa::Buffer::new().format(length).as_bytes(), out);
        }
        Announce::Chunks => http1::write_field(b"transfer-encoding", b"chunked", out),
        _ => {}
    }
    if let Some(options) = hop.options(te) {
        http1::write_field(b"connection", options, out);
    }
    out.extend_from_slice(b"\r\n");
}

impl Hop {
    /// The value of `Connection`; it names `TE` when that is sent (RFC 9110 section 10.1.4).
    fn options(&self, te: bool) -> Option<&'static [u8]> {
        Some(match (self.upgrade, self.close, te, self.keep_alive) {
            (true, _, true, _) => b"upgrade, te",
            (true, _, false, _) => b"upgrade",
            (_, true, true, _) => b"close, te",
            (_, true, false, _) => b"close",
            (_, false, true, _) => b"te",
            (_, false, false, true) => b"keep-alive",
            _ => return None,
        })
    }
}

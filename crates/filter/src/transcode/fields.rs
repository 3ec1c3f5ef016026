//! The fields that go along: those of HTTP as attachments and fields of the block, and back.

use mecha_http::Headers;
use mecha_http::headers::OF_ONE_HOP;

/// About the body that is replaced, or about HTTP itself.
const OF_THE_BODY: [&str; 9] = [
    "accept-encoding",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "date",
    "te",
    "trailer",
];

/// What is called, which has places of its own.
const OF_THE_CALL: [&str; 4] = ["service", "method", "version", "group"];

fn stays(name: &str) -> bool {
    OF_ONE_HOP.contains(&name) || OF_THE_BODY.contains(&name)
}

/// The fields of an HTTP message that go along, their names in lower case, but for those that `taken` says are the
/// protocol's own.
pub(super) fn of<'h>(headers: &'h Headers, taken: &[&str]) -> Vec<(String, &'h [u8])> {
    let named = headers.get_str("connection").unwrap_or_default();
    let is_of_connection =
        |name: &str| named.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(name));
    let lower = |(name, value): (&'h [u8], &'h [u8])| {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        let goes = !stays(&name)
            && !OF_THE_CALL.contains(&&*name)
            && !taken.contains(&&*name)
            && !is_of_connection(&name);
        goes.then_some((name, value))
    };
    headers.iter().filter_map(lower).collect()
}

/// Adds the fields of an RPC message to an HTTP one. `own` says whether those that stand for parts of the frame go too.
/// What HTTP forbids is left out; of two fields of one name the first stays.
pub(super) fn add(from: &Headers, own: bool, to: &mut Headers) {
    for field in from.views().filter(|field| own || !field.own) {
        let Ok(name) = std::str::from_utf8(field.name) else { continue };
        let name = name.to_ascii_lowercase();
        if !stays(&name) && !to.contains(&name) {
            // What HTTP forbids is left out.
            let _ = to.append(&name, field.value);
        }
    }
}

/// Pairs as builders of frames take them.
pub(super) fn pairs<'p>(fields: &'p [(String, &'p [u8])]) -> impl Iterator<Item = (&'p [u8], &'p [u8])> {
    fields.iter().map(|(name, value)| (name.as_bytes(), *value))
}

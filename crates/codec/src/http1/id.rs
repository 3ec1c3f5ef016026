//! [`HeaderId`]: the field names the proxy looks at, told apart once while the head is parsed, so that nobody
//! compares header names afterwards.
//!
//! The lookup is a perfect hash over (length, first byte, last byte), found by the compiler, and one comparison
//! of at most three words. Adding a name is adding a line to the list.

/// The longest known name, in bytes.
const LONGEST: usize = 24;

/// Slots of the hash table. A power of two.
const SLOTS: usize = 256;

macro_rules! header_ids {
    ($($(#[$doc:meta])* $id:ident = $name:literal,)*) => {
        /// Identifies the field names that framing, hop-by-hop rules, routing and timeouts look at; all others
        /// are [`HeaderId::Other`].
        #[repr(u8)]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum HeaderId {
            /// A name the proxy has no business with.
            Other,
            $(#[doc = concat!("`", $name, "`")] $(#[$doc])* $id,)*
        }

        impl HeaderId {
            /// The known names, without `Other`.
            pub const ALL: &[HeaderId] = &[$(HeaderId::$id),*];

            /// The canonical lower-case name; empty for [`HeaderId::Other`].
            pub const fn name(self) -> &'static str {
                match self {
                    HeaderId::Other => "",
                    $(HeaderId::$id => $name,)*
                }
            }
        }
    };
}

header_ids! {
    Host = "host",
    Connection = "connection",
    KeepAlive = "keep-alive",
    ProxyConnection = "proxy-connection",
    ProxyAuthenticate = "proxy-authenticate",
    ProxyAuthorization = "proxy-authorization",
    Te = "te",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    Http2Settings = "http2-settings",
    Expect = "expect",
    ContentLength = "content-length",
    ContentType = "content-type",
    ContentEncoding = "content-encoding",
    ContentRange = "content-range",
    Date = "date",
    Server = "server",
    UserAgent = "user-agent",
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    Authorization = "authorization",
    CacheControl = "cache-control",
    Cookie = "cookie",
    SetCookie = "set-cookie",
    Location = "location",
    MaxForwards = "max-forwards",
    Referer = "referer",
    RetryAfter = "retry-after",
    Via = "via",
    Traceparent = "traceparent",
    GrpcTimeout = "grpc-timeout",
    GrpcStatus = "grpc-status",
    GrpcMessage = "grpc-message",
    XRequestId = "x-request-id",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedProto = "x-forwarded-proto",
    MosnGlobalTimeout = "x-mosn-global-timeout",
    MosnTryTimeout = "x-mosn-try-timeout",
}

impl HeaderId {
    /// The id of a field name, ASCII case-insensitive.
    #[inline]
    pub fn of(name: &[u8]) -> HeaderId {
        let Some(words) = words(name) else { return HeaderId::Other };
        let slot = TABLE.slots.get(slot(name, TABLE.seed)).copied().unwrap_or_default();
        let Some(row) = TABLE.rows.get(usize::from(slot)) else { return HeaderId::Other };
        if usize::from(row.len) == name.len()
            && words.head | row.case.head == row.name.head
            && words.middle | row.case.middle == row.name.middle
            && words.tail | row.case.tail == row.name.tail
        {
            row.id
        } else {
            HeaderId::Other
        }
    }
}

/// A name of 2 to 24 bytes as three overlapping words. Together with the length they hold every byte.
#[derive(Clone, Copy)]
struct Words {
    head: u64,
    middle: u64,
    tail: u64,
}

#[inline]
const fn words(name: &[u8]) -> Option<Words> {
    if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let middle = match name.split_at_checked(8) {
            Some((_, rest)) if name.len() > 16 => match rest.first_chunk::<8>() {
                Some(middle) => u64::from_le_bytes(*middle),
                None => 0,
            },
            _ => 0,
        };
        return if name.len() <= LONGEST {
            Some(Words { head: u64::from_le_bytes(*head), middle, tail: u64::from_le_bytes(*tail) })
        } else {
            None
        };
    }
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let (head, tail) = (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64);
        return Some(Words { head, middle: 0, tail });
    }
    if let (Some(head), Some(tail)) = (name.first_chunk::<2>(), name.last_chunk::<2>()) {
        let (head, tail) = (u16::from_le_bytes(*head) as u64, u16::from_le_bytes(*tail) as u64);
        return Some(Words { head, middle: 0, tail });
    }
    None
}

/// One known name: its words in lower case, and the bits to set in a received name to bring its letters to
/// lower case. Bytes that are no letters have no such bit, so no other byte can pass for them.
#[derive(Clone, Copy)]
struct Row {
    id: HeaderId,
    len: u8,
    name: Words,
    case: Words,
}

struct Table {
    seed: u32,
    /// Row numbers; an empty slot holds the number of no row.
    slots: [u8; SLOTS],
    rows: [Row; HeaderId::ALL.len()],
}

static TABLE: Table = build();

#[inline]
const fn slot(name: &[u8], seed: u32) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let key = (*first | 0x20) as u32 | ((*last | 0x20) as u32) << 8 | (name.len() as u32) << 16;
    (key.wrapping_mul(seed) >> 24) as usize % SLOTS
}

/// Searches the multiplier under which no two known names share a slot. A list without one fails the build.
#[allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated by the compiler: a fault fails the build"
)]
const fn build() -> Table {
    let mut rows = [Row { id: HeaderId::Other, len: 0, name: NO_WORDS, case: NO_WORDS }; HeaderId::ALL.len()];
    let mut i = 0;
    while i < rows.len() {
        rows[i] = row(HeaderId::ALL[i]);
        i += 1;
    }
    let mut seed = 0x9E37_79B1_u32;
    let mut tries = 0;
    while tries < 10_000 {
        let mut slots = [u8::MAX; SLOTS];
        let mut placed = 0;
        while placed < rows.len() {
            let at = slot(HeaderId::ALL[placed].name().as_bytes(), seed);
            if slots[at] != u8::MAX {
                break;
            }
            slots[at] = placed as u8;
            placed += 1;
        }
        if placed == rows.len() {
            return Table { seed, slots, rows };
        }
        seed = seed.wrapping_mul(0x85EB_CA6B).wrapping_add(2);
        tries += 1;
    }
    panic!("no multiplier keeps the header names apart; take more slots")
}

const NO_WORDS: Words = Words { head: 0, middle: 0, tail: 0 };

#[allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated by the compiler: a fault fails the build"
)]
const fn row(id: HeaderId) -> Row {
    let name = id.name().as_bytes();
    let mut case = [0_u8; LONGEST];
    let mut i = 0;
    while i < name.len() {
        assert!(!name[i].is_ascii_uppercase(), "header names are listed in lower case");
        case[i] = if name[i].is_ascii_lowercase() { 0x20 } else { 0 };
        i += 1;
    }
    let (case, _) = case.split_at(name.len());
    match (words(name), words(case)) {
        (Some(words), Some(case)) => Row { id, len: name.len() as u8, name: words, case },
        _ => panic!("a header name has 2 to 24 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for &id in HeaderId::ALL {
            let name = id.name();
            assert_eq!(HeaderId::of(name.as_bytes()), id, "{name}");
            assert_eq!(HeaderId::of(name.to_ascii_uppercase().as_bytes()), id, "{name}");
            let mixed: String = name
                .chars()
                .enumerate()
                .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            assert_eq!(HeaderId::of(mixed.as_bytes()), id, "{mixed}");
        }
    }

    #[test]
    fn a_name_that_differs_in_one_byte_is_other() {
        for &id in HeaderId::ALL {
            let name = id.name().as_bytes();
            for at in 0..name.len() {
                for byte in 0..=255_u8 {
                    let mut changed = name.to_vec();
                    changed[at] = byte;
                    let same = changed.eq_ignore_ascii_case(name);
                    assert_eq!(HeaderId::of(&changed) == id, same, "{:?}", String::from_utf8_lossy(&changed));
                }
            }
            assert_ne!(HeaderId::of(&name[1..]), id);
            assert_ne!(HeaderId::of(&[name, b"s"].concat()), id);
        }
    }

    #[test]
    fn lengths_without_known_names_are_other() {
        assert_eq!(HeaderId::of(b""), HeaderId::Other);
        assert_eq!(HeaderId::of(b"x"), HeaderId::Other);
        assert_eq!(HeaderId::of(&[b'a'; 300]), HeaderId::Other);
    }
}

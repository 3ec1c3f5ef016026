//! Protocol detection: a table of matchers, one per codec, read by listeners whose protocol is `Auto`.
//!
//! A matcher sees the first bytes of a connection and says whether they can open its protocol. The matcher
//! function lives beside its codec; this file only holds the table and the rule that combines the verdicts.

use crate::{bolt, dubbo, dubbo_thrift, http1, http2, rpc, tars};

/// A wire protocol that a listener can serve and that [`detect`] can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge (the connection preface comes first).
    Http2,
    /// An RPC protocol.
    Rpc(rpc::Protocol),
}

/// What one matcher says about the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes open this protocol.
    Match,
    /// No continuation of these bytes opens this protocol.
    NoMatch,
    /// The bytes seen so far fit; more are needed to decide.
    More,
}

/// One row of the detection table.
#[derive(Clone, Copy, Debug)]
pub struct Matcher {
    /// The protocol's name as a configuration and a log line spell it.
    pub name: &'static str,
    /// The protocol that a match stands for.
    pub protocol: Protocol,
    /// Judges the first bytes of a connection. Bounded: it reads at most a few dozen bytes.
    pub matches: fn(&[u8]) -> Verdict,
}

/// What [`detect`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// The connection speaks this protocol.
    Protocol(Protocol),
    /// Read more bytes and ask again.
    More,
    /// None of the allowed protocols can start like this.
    Unknown,
}

/// The table, most specific first: a row that still hopes holds back the rows after it.
pub static MATCHERS: &[Matcher] = &[
    Matcher { name: "Http2", protocol: Protocol::Http2, matches: http2::matches_preface },
    Matcher { name: "Http1", protocol: Protocol::Http1, matches: http1::matches_request },
    Matcher { name: "bolt", protocol: Protocol::Rpc(rpc::Protocol::Bolt), matches: bolt::matches_v1 },
    Matcher { name: "boltv2", protocol: Protocol::Rpc(rpc::Protocol::BoltV2), matches: bolt::matches_v2 },
    Matcher { name: "dubbo", protocol: Protocol::Rpc(rpc::Protocol::Dubbo), matches: dubbo::matches },
    Matcher {
        name: "dubbo-thrift",
        protocol: Protocol::Rpc(rpc::Protocol::DubboThrift),
        matches: dubbo_thrift::matches,
    },
    Matcher { name: "tars", protocol: Protocol::Rpc(rpc::Protocol::Tars), matches: tars::matches },
];

/// Names the protocol of a connection whose first bytes are `buf`, choosing among `allowed`.
///
/// A match counts only when no earlier row of [`MATCHERS`] could still match, so the answer does not depend
/// on how the bytes were split into reads.
pub fn detect(buf: &[u8], allowed: &[Protocol]) -> Detected {
    for matcher in MATCHERS.iter().filter(|matcher| allowed.contains(&matcher.protocol)) {
        match (matcher.matches)(buf) {
            Verdict::Match => return Detected::Protocol(matcher.protocol),
            Verdict::More => return Detected::More,
            Verdict::NoMatch => {}
        }
    }
    Detected::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[Protocol] = &[Protocol::Http1, Protocol::Http2];
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[test]
    fn each_prefix_of_the_preface_waits_and_the_whole_is_http2() {
        for end in 0..PREFACE.len() {
            assert_eq!(detect(&PREFACE[..end], BOTH), Detected::More, "{end} bytes");
        }
        assert_eq!(detect(PREFACE, BOTH), Detected::Protocol(Protocol::Http2));
        assert_eq!(
            detect(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", BOTH),
            Detected::Protocol(Protocol::Http2)
        );
    }

    #[test]
    fn a_method_and_a_space_are_http1() {
        for head in
            ["GET /", "POST ", "PURGE /x", "PROPFIND ", "m-search * HTTP/1.1", "PRINT ", "PRI / HTTP/1.1"]
        {
            assert_eq!(detect(head.as_bytes(), BOTH), Detected::Protocol(Protocol::Http1), "{head}");
        }
    }

    #[test]
    fn an_unfinished_method_waits() {
        for head in ["", "G", "P", "PR", "PRI", "PRI ", "DELETE", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"] {
            assert_eq!(detect(head.as_bytes(), BOTH), Detected::More, "{head}");
        }
    }

    #[test]
    fn bytes_that_no_method_can_hold_are_unknown_at_once() {
        let heads: &[&[u8]] =
            &[b"\x16\x03\x01", b"\0", b" GET", b"\r\nGET", b"GE\tT", b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"];
        for head in heads {
            assert_eq!(detect(head, BOTH), Detected::Unknown, "{head:?}");
        }
    }

    #[test]
    fn only_allowed_protocols_are_named() {
        assert_eq!(detect(b"GET / HTTP/1.1", &[Protocol::Http2]), Detected::Unknown);
        assert_eq!(detect(PREFACE, &[Protocol::Http1]), Detected::Unknown);
        assert_eq!(detect(b"GET /", &[]), Detected::Unknown);
        assert_eq!(detect(b"PRI", &[Protocol::Http1]), Detected::More);
    }

    #[test]
    fn frames_of_real_peers_are_recognised_among_all_protocols() {
        let all: Vec<Protocol> = MATCHERS.iter().map(|matcher| matcher.protocol).collect();
        let folders = [
            ("bolt", rpc::Protocol::Bolt),
            ("boltv2", rpc::Protocol::BoltV2),
            ("dubbo", rpc::Protocol::Dubbo),
            ("dubbo_thrift", rpc::Protocol::DubboThrift),
            ("tars", rpc::Protocol::Tars),
        ];
        for (folder, protocol) in folders {
            let goldens = rpc::testing::goldens(folder);
            // Version 2 of TUP is not told by its first bytes (MOSN reference 2.3).
            for (name, frame) in goldens.into_iter().filter(|(name, _)| !name.starts_with("tup2")) {
                let found: Vec<Detected> =
                    (0..=frame.len().min(16)).map(|end| detect(&frame[..end], &all)).collect();
                let settled = found.iter().position(|found| *found != Detected::More).unwrap();
                let expected = Detected::Protocol(Protocol::Rpc(protocol));
                assert!(found[settled..].iter().all(|found| *found == expected), "{name}: {found:?}");
            }
        }
    }
}

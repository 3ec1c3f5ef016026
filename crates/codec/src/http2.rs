//! HTTP/2: frames are the `h2` crate's work; what lives here is how a cleartext connection with prior
//! knowledge opens, for protocol detection.

use crate::detect::Verdict;

/// The client connection preface (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether `buf` opens with the connection preface. Asks for more while it is a prefix of the preface.
pub fn matches_preface(buf: &[u8]) -> Verdict {
    if buf.starts_with(PREFACE) {
        Verdict::Match
    } else if PREFACE.starts_with(buf) {
        Verdict::More
    } else {
        Verdict::NoMatch
    }
}

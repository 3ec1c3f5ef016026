//! The detection matcher of HTTP/1: a method token and a space.

use super::request::{MAX_METHOD, is_token};
use crate::detect::Verdict;
use crate::http2;

/// Whether `buf` opens like an HTTP/1 request. What is, or may still become, the HTTP/2 preface is not ours.
pub fn matches_request(buf: &[u8]) -> Verdict {
    if http2::matches_preface(buf) == Verdict::Match {
        return Verdict::NoMatch;
    }
    if http2::PREFACE.starts_with(buf) {
        return Verdict::More;
    }
    let method = buf.iter().take(MAX_METHOD + 1).take_while(|byte| is_token(**byte)).count();
    match buf.get(method) {
        _ if method > MAX_METHOD => Verdict::NoMatch,
        None => Verdict::More,
        Some(b' ') if method > 0 => Verdict::Match,
        Some(_) => Verdict::NoMatch,
    }
}

//! Request heads: `httparse` finds the lines, this file holds what it found to the rules of RFC 9112 sections 2
//! to 6 and to the limits.

use std::mem::MaybeUninit;

use super::fields::{BARE_LF, Facts, Side, collect, fault};
use super::head::MAX_FIELDS;
use super::target::{TargetForm, form_of};
use super::{BodyLength, Field, Limits, ParseError, RequestLine, Scan, Span, Version};

/// The longest method, in bytes. The longest registered one (UPDATEREDIRECTREF) has 17.
pub(crate) const MAX_METHOD: usize = 32;

/// Parses the request head at the start of `buf`. `Ok(None)` means that more bytes are needed.
///
/// `fields` is cleared first and then filled in the order received. `scan` belongs to the connection and must
/// see every call for one head, each with the same bytes and perhaps more of them.
///
/// # Errors
///
/// [`ParseError`] names the broken rule and the status to answer with; the limits apply to bytes that have
/// arrived, complete or not.
pub fn parse_request(
    buf: &[u8],
    scan: &mut Scan,
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Result<Option<RequestLine>, ParseError> {
    fields.clear();
    let Some(skip) = skip_empty_line(buf)? else { return Ok(None) };
    let head = buf.get(skip..).unwrap_or_default();
    if !scan.wants_parse(head) {
        return unfinished(head, scan, limits, false).map(|()| None);
    }
    let window = head.get(..limits.header_bytes).unwrap_or(head);
    let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let (slots, _) = slots.split_at_mut(limits.header_count.min(MAX_FIELDS));
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(window, slots) {
        Ok(httparse::Status::Complete(len)) => {
            *scan = Scan::default();
            let line = finish(buf, skip, skip + len, &request, limits, fields)?;
            Ok(Some(line))
        }
        Ok(httparse::Status::Partial) => unfinished(head, scan, limits, true).map(|()| None),
        Err(error) => Err(refuse(head, scan, limits, error)),
    }
}

/// How many bytes to skip before the request line: one CRLF is tolerated (RFC 9112 section 2.2), for clients that
/// end a body with one. `None` while that cannot be told.
#[inline]
fn skip_empty_line(buf: &[u8]) -> Result<Option<usize>, ParseError> {
    match buf {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', rest @ ..] => match rest {
            [] => Ok(None),
            [b'\r' | b'\n', ..] => Err(ParseError::bad("more than one empty line before the request line")),
            _ => Ok(Some(2)),
        },
        [b'\r', ..] => Err(ParseError::bad("CR without LF before the request line")),
        [b'\n', ..] => Err(BARE_LF),
        _ => Ok(Some(0)),
    }
}

fn finish(
    buf: &[u8],
    skip: usize,
    head_len: usize,
    request: &httparse::Request<'_, '_>,
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Result<RequestLine, ParseError> {
    let method = request.method.unwrap_or_default().as_bytes();
    let target = request.path.unwrap_or_default().as_bytes();
    let version = if request.version == Some(0) { Version::Http10 } else { Version::Http11 };
    // The line is method SP target SP "HTTP/1.x".
    if method.len() + target.len() + " ".len() + " HTTP/1.1".len() > limits.start_line {
        return Err(LINE_TOO_LONG);
    }
    if method.len() > MAX_METHOD {
        return Err(METHOD_TOO_LONG);
    }
    let facts = collect(buf, head_len, request.headers, Side::Request, fields)?;
    let form = form_of(method, target)?;
    check_host(version, form, &facts)?;
    let body = body_length(version, form, &facts)?;
    let options = facts.options;
    let modern = version == Version::Http11;
    Ok(RequestLine {
        head_len,
        method: Span::new(skip, method.len()),
        target: Span::new(skip + method.len() + 1, target.len()),
        version,
        body,
        keep_alive: !options.close && (modern || options.keep_alive),
        expect_continue: modern && facts.expect_continue,
        upgrade: modern && facts.upgrade && options.upgrade,
        connection_nominates: options.nominates,
        te_trailers: facts.te_trailers,
    })
}

/// RFC 9112 section 3.2: HTTP/1.1 has exactly one Host; it may be empty only when the target names no authority.
fn check_host(version: Version, form: TargetForm, facts: &Facts) -> Result<(), ParseError> {
    match facts.host_len {
        None if version == Version::Http11 => Err(ParseError::bad("HTTP/1.1 request without Host")),
        Some(0) if matches!(form, TargetForm::Absolute | TargetForm::Authority) => {
            Err(ParseError::bad("empty Host beside a target that names one"))
        }
        _ => Ok(()),
    }
}

/// RFC 9112 section 6.3 for requests.
fn body_length(version: Version, form: TargetForm, facts: &Facts) -> Result<BodyLength, ParseError> {
    if facts.chunked && version == Version::Http10 {
        return Err(ParseError::bad("Transfer-Encoding in an HTTP/1.0 request"));
    }
    let body = match facts.content_length {
        _ if facts.chunked => BodyLength::Chunked,
        None | Some(0) => BodyLength::Empty,
        Some(length) => BodyLength::Fixed(length),
    };
    // RFC 9110 section 9.3.6: what follows a CONNECT head is tunnel data; a body would be read twice.
    if form == TargetForm::Authority && body != BodyLength::Empty {
        return Err(ParseError::bad("CONNECT request with a body"));
    }
    Ok(body)
}

/// The limits on a head that has not ended; notes in `scan` what was seen.
#[cold]
fn unfinished(head: &[u8], scan: &mut Scan, limits: &Limits, parsed: bool) -> Result<(), ParseError> {
    check_start(head, scan, limits)?;
    if head.len() > limits.header_bytes {
        return Err(HEAD_TOO_LARGE);
    }
    scan.note(head, parsed);
    Ok(())
}

/// The limits that show in the start line alone.
fn check_start(head: &[u8], scan: &mut Scan, limits: &Limits) -> Result<(), ParseError> {
    let start = head.get(..=MAX_METHOD).unwrap_or_default();
    if !start.is_empty() && start.iter().all(|byte| is_token(*byte)) {
        return Err(METHOD_TOO_LONG);
    }
    if !scan.line_fits(head, limits.start_line) {
        return Err(LINE_TOO_LONG);
    }
    Ok(())
}

/// The error to report for a head that `httparse` refused.
#[cold]
fn refuse(head: &[u8], scan: &mut Scan, limits: &Limits, error: httparse::Error) -> ParseError {
    match check_start(head, scan, limits) {
        Err(limit) => limit,
        Ok(()) if error == httparse::Error::Version => version_fault(head),
        Ok(()) => fault(error),
    }
}

/// 505 for a well-formed version that is not ours (RFC 9110 section 15.6.6), 400 for what is no version. HTTP/0.9
/// has no version in its request line, so one that says so is malformed.
fn version_fault(head: &[u8]) -> ParseError {
    let version = head.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
    match version.strip_prefix(b"HTTP/") {
        Some([b'2'..=b'9', ..] | [b'1', b'.', b'2'..=b'9', ..]) => {
            ParseError::new(505, "HTTP version is not 1.0 or 1.1")
        }
        _ => ParseError::bad("malformed HTTP version"),
    }
}

const METHOD_TOO_LONG: ParseError = ParseError::new(501, "method is longer than 32 bytes");
const LINE_TOO_LONG: ParseError = ParseError::new(414, "start line is longer than its limit");
pub(crate) const HEAD_TOO_LARGE: ParseError = ParseError::new(431, "head is larger than its limit");

/// tchar (RFC 9110 section 5.6.2).
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^')
        || matches!(byte, b'_' | b'`' | b'|' | b'~')
}

//! Response heads: `httparse` finds the lines, this file holds them to RFC 9112 sections 4 and 6 and to the
//! limits. Every fault is the upstream's, so each error says 502.

use std::mem::MaybeUninit;

use super::fields::{Facts, Side, collect, fault};
use super::head::MAX_FIELDS;
use super::request::HEAD_TOO_LARGE;
use super::{BodyLength, Field, Limits, ParseError, RequestKind, Scan, Span, StatusLine, Version};

/// Parses the response head at the start of `buf`; `for_method` is the kind of request it answers. `Ok(None)`
/// means that more bytes are needed. `fields` and `scan` are used as by [`parse_request`](super::parse_request).
///
/// A repeated Content-Length that says the same is left out of `fields` (RFC 9110 section 8.6).
///
/// # Errors
///
/// [`ParseError`] with status 502 names the broken rule; the connection cannot be used any further.
pub fn parse_response(
    buf: &[u8],
    scan: &mut Scan,
    limits: &Limits,
    for_method: RequestKind,
    fields: &mut Vec<Field>,
) -> Result<Option<StatusLine>, ParseError> {
    fields.clear();
    match parse(buf, scan, limits, for_method, fields) {
        Err(error) => Err(error.upstream()),
        done => done,
    }
}

#[inline]
fn parse(
    buf: &[u8],
    scan: &mut Scan,
    limits: &Limits,
    for_method: RequestKind,
    fields: &mut Vec<Field>,
) -> Result<Option<StatusLine>, ParseError> {
    // Unlike before a request line, nothing may stand before a status line; `httparse` would skip empty lines.
    match buf.first() {
        None => return Ok(None),
        Some(b'\r' | b'\n') => return Err(ParseError::bad("empty line before the status line")),
        Some(_) => {}
    }
    if !scan.wants_parse(buf) {
        return unfinished(buf, scan, limits, false).map(|()| None);
    }
    let window = buf.get(..limits.header_bytes).unwrap_or(buf);
    let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let (slots, _) = slots.split_at_mut(limits.header_count.min(MAX_FIELDS));
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut response, window, slots) {
        Ok(httparse::Status::Complete(len)) => {
            *scan = Scan::default();
            finish(buf, len, &response, limits, for_method, fields).map(Some)
        }
        Ok(httparse::Status::Partial) => unfinished(buf, scan, limits, true).map(|()| None),
        Err(error) => Err(fault(error)),
    }
}

fn finish(
    buf: &[u8],
    head_len: usize,
    response: &httparse::Response<'_, '_>,
    limits: &Limits,
    for_method: RequestKind,
    fields: &mut Vec<Field>,
) -> Result<StatusLine, ParseError> {
    let status = response.code.unwrap_or_default();
    if status < 100 {
        return Err(ParseError::bad("status code below 100"));
    }
    let facts = collect(buf, head_len, response.headers, Side::Response, fields)?;
    let reason = reason_of(buf, head_len, response.headers);
    if reason.range().end > limits.start_line {
        return Err(LINE_TOO_LONG);
    }
    let version = if response.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let (body, reusable) = body_length(version, status, for_method, &facts)?;
    let options = facts.options;
    let modern = version == Version::Http11;
    Ok(StatusLine {
        head_len,
        status,
        reason,
        version,
        body,
        keep_alive: reusable && !options.close && (modern || options.keep_alive),
        upgrade: modern && facts.upgrade && options.upgrade,
        connection_nominates: options.nominates,
    })
}

/// The reason phrase: from after `HTTP/1.1 200 ` to the end of the line. `httparse` gives none when it holds
/// bytes beyond ASCII, hence found by position. Called after the line ends were checked to be CRLF.
fn reason_of(buf: &[u8], head_len: usize, headers: &[httparse::Header<'_>]) -> Span {
    let rest = match headers.first() {
        Some(header) => super::fields::span(buf, header.name.as_bytes()).at as usize,
        None => head_len.saturating_sub(2),
    };
    let end = rest.saturating_sub(2);
    let start = "HTTP/1.1 200 ".len().min(end);
    Span::new(start, end - start)
}

/// RFC 9112 section 6.3 for responses: the body, and whether the connection can be used again after it.
fn body_length(
    version: Version,
    status: u16,
    for_method: RequestKind,
    facts: &Facts,
) -> Result<(BodyLength, bool), ParseError> {
    if facts.chunked && version == Version::Http10 {
        return Err(ParseError::bad("Transfer-Encoding in an HTTP/1.0 response"));
    }
    let tunnel = status == 101 || (for_method == RequestKind::Connect && matches!(status, 200..=299));
    if tunnel {
        return Ok((BodyLength::UntilClose, false));
    }
    if matches!(status, 100..=199 | 204) {
        // These never have a body; a server that announces one may send it all the same.
        let announced = facts.chunked || facts.content_length.is_some_and(|length| length > 0);
        return Ok((BodyLength::Empty, !announced));
    }
    if status == 304 || for_method == RequestKind::Head {
        return Ok((BodyLength::Empty, true));
    }
    Ok(match facts.content_length {
        _ if facts.chunked => (BodyLength::Chunked, true),
        Some(0) => (BodyLength::Empty, true),
        Some(length) => (BodyLength::Fixed(length), true),
        None => (BodyLength::UntilClose, false),
    })
}

#[cold]
fn unfinished(head: &[u8], scan: &mut Scan, limits: &Limits, parsed: bool) -> Result<(), ParseError> {
    if !scan.line_fits(head, limits.start_line) {
        return Err(LINE_TOO_LONG);
    }
    if head.len() > limits.header_bytes {
        return Err(HEAD_TOO_LARGE);
    }
    scan.note(head, parsed);
    Ok(())
}

const LINE_TOO_LONG: ParseError = ParseError::bad("status line is longer than its limit");

//! The field lines of a head: from `httparse` headers to spans and ids, with everything framing needs gathered on
//! the way, in one pass.
//!
//! `httparse` takes a bare LF for a line end; here it is an error, because other implementations read such a
//! line differently (RFC 9112 section 2.2).

use super::connection::{ConnectionOptions, lists};
use super::target::is_host;
use super::{Field, HeaderId, ParseError, Span};

/// Which of the two messages a head belongs to, where a rule differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Request,
    Response,
}

/// What the fields of one head say about framing and about the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) options: ConnectionOptions,
    /// How many bytes the Host field holds, if there is one.
    pub(crate) host_len: Option<usize>,
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    pub(crate) upgrade: bool,
    pub(crate) expect_continue: bool,
    pub(crate) te_trailers: bool,
}

/// Appends the fields of a head to `fields`, as spans into `buf`, and gathers what they say. `head_len` is where
/// the head ends in `buf`.
pub(crate) fn collect(
    buf: &[u8],
    head_len: usize,
    headers: &[httparse::Header<'_>],
    side: Side,
    fields: &mut Vec<Field>,
) -> Result<Facts, ParseError> {
    let mut facts = Facts::default();
    fields.reserve(headers.len());
    for header in headers {
        let field = place(buf, header);
        if !follows_crlf(buf, field.name.at as usize) {
            return Err(BARE_LF);
        }
        if facts.take(field.id, header.value, side)? {
            fields.push(field);
        }
    }
    let end = head_len.saturating_sub(2);
    if follows_crlf(buf, end) && follows_crlf(buf, head_len) { Ok(facts) } else { Err(BARE_LF) }
}

pub(crate) const BARE_LF: ParseError = ParseError::bad("line ends in LF without CR");

/// The field that a header parsed from `buf` stands for.
#[inline]
pub(crate) fn place(buf: &[u8], header: &httparse::Header<'_>) -> Field {
    let name = header.name.as_bytes();
    Field { name: span(buf, name), value: span(buf, header.value), id: HeaderId::of(name) }
}

/// Where `part`, a slice of `buf`, lies in it.
#[inline]
pub(crate) fn span(buf: &[u8], part: &[u8]) -> Span {
    Span::new(part.as_ptr().addr().wrapping_sub(buf.as_ptr().addr()), part.len())
}

/// Whether the two bytes before `at` are CRLF.
#[inline]
pub(crate) fn follows_crlf(buf: &[u8], at: usize) -> bool {
    buf.get(at.wrapping_sub(2)..at) == Some(b"\r\n")
}

/// The rule that `httparse` found broken in a head.
pub(crate) fn fault(error: httparse::Error) -> ParseError {
    match error {
        httparse::Error::HeaderName => {
            ParseError::bad("invalid byte in a field name, white space around it, or a folded line")
        }
        httparse::Error::HeaderValue => ParseError::bad("control byte or bare CR in a field value"),
        httparse::Error::NewLine => ParseError::bad("line does not end in CRLF"),
        httparse::Error::Status => ParseError::bad("malformed status line"),
        httparse::Error::Token => ParseError::bad("malformed request line"),
        httparse::Error::TooManyHeaders => ParseError::new(431, "too many fields"),
        httparse::Error::Version => ParseError::bad("malformed HTTP version"),
    }
}

impl Facts {
    /// Takes one field in. `false` means that it repeats another and is left out.
    #[inline]
    fn take(&mut self, id: HeaderId, value: &[u8], side: Side) -> Result<bool, ParseError> {
        match id {
            HeaderId::Connection => self.options.read(value),
            HeaderId::ContentLength => return self.take_length(value, side),
            HeaderId::TransferEncoding => self.take_coding(value)?,
            HeaderId::Upgrade => self.upgrade = true,
            HeaderId::Host if side == Side::Request => self.take_host(value)?,
            HeaderId::Expect => self.expect_continue |= lists(value, b"100-continue"),
            HeaderId::Te => self.te_trailers |= lists(value, b"trailers"),
            _ => {}
        }
        Ok(true)
    }

    fn take_host(&mut self, value: &[u8]) -> Result<(), ParseError> {
        if self.host_len.is_some() {
            return Err(ParseError::bad("more than one Host field"));
        }
        if !value.is_empty() && !is_host(value) {
            return Err(ParseError::bad("malformed Host field"));
        }
        self.host_len = Some(value.len());
        Ok(())
    }

    /// RFC 9110 section 8.6: a repeated length is an error in a request; in a response one that says the same
    /// is dropped, so that what is forwarded carries it once.
    fn take_length(&mut self, value: &[u8], side: Side) -> Result<bool, ParseError> {
        let length = parse_length(value).ok_or(ParseError::bad("malformed Content-Length"))?;
        if self.chunked {
            return Err(BOTH);
        }
        match self.content_length {
            None => self.content_length = Some(length),
            Some(first) if first == length && side == Side::Response => return Ok(false),
            Some(first) if first == length => return Err(ParseError::bad("more than one Content-Length")),
            Some(_) => return Err(ParseError::bad("differing Content-Length fields")),
        }
        Ok(true)
    }

    /// RFC 9112 section 6.1: only one final `chunked` is understood.
    fn take_coding(&mut self, value: &[u8]) -> Result<(), ParseError> {
        if self.content_length.is_some() {
            return Err(BOTH);
        }
        if self.chunked {
            return Err(ParseError::bad("more than one Transfer-Encoding"));
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(ParseError::bad("transfer coding is not a single \"chunked\""));
        }
        self.chunked = true;
        Ok(())
    }
}

const BOTH: ParseError = ParseError::bad("both Content-Length and Transfer-Encoding");

/// Digits alone, at most `i64::MAX`, so that no peer's signed arithmetic reads another number.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    let mut length = 0_u64;
    for byte in value {
        if !byte.is_ascii_digit() {
            return None;
        }
        // At most 19 digits: below 10^19, which fits.
        length = length * 10 + u64::from(byte - b'0');
    }
    (length <= i64::MAX as u64).then_some(length)
}

//! The words the codec speaks with its callers: spans, fields, limits, and what a parsed head says.

use std::ops::Range;

use super::HeaderId;

/// The most fields one head can hold, whatever [`Limits::header_count`] says: they are collected on the stack.
pub const MAX_FIELDS: usize = 256;

/// A piece of the parsed buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// Where it begins, in bytes from the start of the buffer.
    pub at: u32,
    /// How many bytes it holds.
    pub len: u32,
}

impl Span {
    /// Callers hand in positions inside a head, which [`Limits::header_bytes`] keeps far below 4 GiB.
    #[inline]
    pub(crate) const fn new(at: usize, len: usize) -> Self {
        Self { at: at as u32, len: len as u32 }
    }

    /// The positions it covers.
    #[inline]
    pub const fn range(&self) -> Range<usize> {
        self.at as usize..self.at as usize + self.len as usize
    }

    /// Its bytes in `buf`, the buffer that was parsed. Empty when out of range.
    #[inline]
    pub fn slice<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        buf.get(self.range()).unwrap_or_default()
    }
}

/// One field line, as spans into the parsed buffer. The value has no white space around it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name, in the case it was sent in.
    pub name: Span,
    /// The value.
    pub value: Span,
    /// The name, if it is one the proxy knows.
    pub id: HeaderId,
}

/// How large a message's parts may be, in bytes unless said otherwise. Checked while bytes still arrive.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The start line without its CRLF; a longer one is answered with 414.
    pub start_line: usize,
    /// The whole head, start line and final empty line included; more is 431. At most 4 GiB counts.
    pub header_bytes: usize,
    /// How many fields a head may hold; more is 431. At most [`MAX_FIELDS`] counts.
    pub header_count: usize,
    /// A chunk's size line with its extensions, without the CRLF; more is 400.
    pub chunk_line: usize,
    /// The trailer section, final empty line included; more is 431.
    pub trailer_bytes: usize,
}

impl Default for Limits {
    /// 8 KiB start line (RFC 9112 section 3 asks for at least 8000), 60 KiB head and 100 fields (what Envoy
    /// allows), 256 bytes of chunk line, 8 KiB of trailers.
    fn default() -> Self {
        Self {
            start_line: 8 << 10,
            header_bytes: 60 << 10,
            header_count: 100,
            chunk_line: 256,
            trailer_bytes: 8 << 10,
        }
    }
}

/// The protocol version of a message. Any other is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyLength {
    /// No body follows the head. Also what `Content-Length: 0` gives.
    Empty,
    /// That many bytes follow; never 0 from a parse.
    Fixed(u64),
    /// Chunks follow.
    Chunked,
    /// Everything up to the end of the connection: a close-delimited response or a tunnel.
    UntilClose,
}

/// Which kind of request a response answers, as far as framing depends on it (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// HEAD: the response has no body.
    Head,
    /// CONNECT: a 2xx response opens a tunnel.
    Connect,
    /// Any other method.
    Other,
}

/// What a request head says. Spans are into the buffer given to [`parse_request`](super::parse_request).
#[derive(Clone, Copy, Debug)]
pub struct RequestLine {
    /// How many bytes of the buffer the head takes, an empty line before it included.
    pub head_len: usize,
    /// The method, case kept; any token of at most 32 bytes.
    pub method: Span,
    /// The request target, bytes untouched; valid UTF-8 without spaces and controls.
    pub target: Span,
    /// The version.
    pub version: Version,
    /// How the body is framed; never [`BodyLength::UntilClose`].
    pub body: BodyLength,
    /// Whether the client lets the connection live on after the response (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// `Expect: 100-continue` on HTTP/1.1 (RFC 9110 section 10.1.1).
    pub expect_continue: bool,
    /// HTTP/1.1, `Connection` lists `upgrade`, and there is an `Upgrade` field (RFC 9110 section 7.8).
    pub upgrade: bool,
    /// `Connection` lists a token other than close, keep-alive, upgrade and te: fields to drop when forwarding
    /// (RFC 9110 section 7.6.1). [`list_tokens`](super::list_tokens) gives them.
    pub connection_nominates: bool,
    /// `TE` lists `trailers` (RFC 9110 section 10.1.4).
    pub te_trailers: bool,
}

/// What a response head says. Spans are into the buffer given to [`parse_response`](super::parse_response).
#[derive(Clone, Copy, Debug)]
pub struct StatusLine {
    /// How many bytes of the buffer the head takes.
    pub head_len: usize,
    /// The status code, 100 to 999.
    pub status: u16,
    /// The reason phrase; may be empty.
    pub reason: Span,
    /// The version.
    pub version: Version,
    /// How the body is framed. [`BodyLength::UntilClose`] after 101 and after 2xx to CONNECT is a tunnel.
    pub body: BodyLength,
    /// Whether the connection can carry another request after this response: the version and the `Connection`
    /// field allow it and the end of the body is known without closing.
    pub keep_alive: bool,
    /// HTTP/1.1, `Connection` lists `upgrade`, and there is an `Upgrade` field.
    pub upgrade: bool,
    /// As in [`RequestLine::connection_nominates`].
    pub connection_nominates: bool,
}

/// What earlier calls learned about a head that was not complete yet, so that a head that drips in byte by byte
/// costs no quadratic work. One per connection; a finished head resets it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    /// Bytes of the head that were looked at.
    seen: usize,
    /// Bytes of the head at the last full parse.
    parsed: usize,
    /// Whether the end of the start line was found within its limit.
    line_found: bool,
}

/// Heads up to this many bytes are parsed anew on each call: a fault is then reported with the byte that makes
/// it, and 256 * 256 / 2 bytes of repeated work are nothing.
const EAGER: usize = 256;

impl Scan {
    /// Whether a full parse of `head` can tell more than the last one: a line was completed, or the unfinished
    /// line has doubled the head.
    #[inline]
    pub(crate) fn wants_parse(&self, head: &[u8]) -> bool {
        self.seen == 0 || self.news(head)
    }

    #[cold]
    fn news(&self, head: &[u8]) -> bool {
        head.len() <= EAGER
            || head.len() < self.seen
            || head.len() >= self.parsed.saturating_mul(2)
            || memchr::memchr(b'\n', head.get(self.seen..).unwrap_or_default()).is_some()
    }

    /// Remembers that all of `head` was seen and, if `parsed`, that it was parsed without an end.
    pub(crate) fn note(&mut self, head: &[u8], parsed: bool) {
        self.seen = head.len();
        if parsed {
            self.parsed = head.len();
        }
    }

    /// Whether the start line ends within `limit` bytes (CRLF not counted), as far as can be said yet.
    pub(crate) fn line_fits(&mut self, head: &[u8], limit: usize) -> bool {
        if !self.line_found {
            let longest = limit.saturating_add(2);
            let line = head.get(..longest).unwrap_or(head);
            self.line_found = memchr::memchr(b'\n', line).is_some();
            return self.line_found || head.len() < longest;
        }
        true
    }
}

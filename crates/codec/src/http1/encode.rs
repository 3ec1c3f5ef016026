//! Writing messages: start lines, fields, and the framing around body data ([`BodyEncoder`]).
//!
//! Nothing is checked here byte by byte: names and values come from a parsed head, from a configuration that
//! was validated, or from the `http` crate's types, none of which can hold CR, LF or NUL.

use bytes::{BufMut, BytesMut};

use super::status;
use super::{BodyLength, EncodeError, HeaderId, Version, canonical_reason, is_forbidden_trailer};

/// Writes the framing of one body around data that the caller writes itself, so that data need not be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyEncoder {
    /// No body, or a body that has ended.
    None,
    /// A body with a Content-Length.
    Fixed {
        /// How many bytes are still to be written.
        left: u64,
    },
    /// A body in chunks.
    Chunked,
    /// A body that ends with the connection, or a tunnel.
    UntilClose,
}

impl BodyEncoder {
    /// An encoder for a body of the given framing.
    pub const fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty => Self::None,
            BodyLength::Fixed(left) => Self::Fixed { left },
            BodyLength::Chunked => Self::Chunked,
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Appends to `out` what goes before a data slice of `len` bytes: a chunk's size line, or nothing.
    ///
    /// # Errors
    ///
    /// The slice exceeds Content-Length, the message has no body, or an empty slice would end a chunked body.
    pub fn before(&mut self, len: usize, out: &mut BytesMut) -> Result<(), EncodeError> {
        let len = len as u64;
        match self {
            Self::None if len > 0 => Err(EncodeError::NotAllowed),
            Self::Fixed { left } => {
                *left = left.checked_sub(len).ok_or(EncodeError::TooLong { left: *left, len })?;
                Ok(())
            }
            Self::Chunked if len == 0 => Err(EncodeError::EmptyChunk),
            Self::Chunked => {
                write_chunk_line(len, out);
                Ok(())
            }
            Self::None | Self::UntilClose => Ok(()),
        }
    }

    /// Appends to `out` what goes after a data slice: a chunk's CRLF, or nothing.
    #[inline]
    pub fn after(&self, out: &mut BytesMut) {
        if *self == Self::Chunked {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends to `out` what ends the body: for a chunked one the last chunk and the trailers, of which those that
    /// [`is_forbidden_trailer`] are left out. Other framings have no place for trailers and drop them.
    ///
    /// # Errors
    ///
    /// Fewer bytes were written than Content-Length announced.
    pub fn end<'a>(
        &mut self,
        trailers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        match std::mem::replace(self, Self::None) {
            Self::Fixed { left } if left > 0 => Err(EncodeError::TooShort { left }),
            Self::Chunked => {
                out.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.filter(|(name, _)| !is_forbidden_trailer(HeaderId::of(name))) {
                    write_field(name, value, out);
                }
                out.extend_from_slice(b"\r\n");
                Ok(())
            }
            Self::None | Self::Fixed { .. } | Self::UntilClose => Ok(()),
        }
    }
}

/// `size` in lower-case hexadecimal, and CRLF.
fn write_chunk_line(size: u64, out: &mut BytesMut) {
    let digits = (u64::BITS - size.leading_zeros()).div_ceil(4).max(1);
    // 16 digits at the most.
    out.reserve(18);
    for place in (0..digits).rev() {
        let digit = (size >> (place * 4) & 0xF) as u8;
        out.put_u8(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `method target HTTP/1.1` and CRLF.
pub fn write_request_line(method: &[u8], target: &[u8], out: &mut BytesMut) {
    const VERSION: &[u8] = b" HTTP/1.1\r\n";
    out.reserve(method.len() + 1 + target.len() + VERSION.len());
    out.extend_from_slice(method);
    out.put_u8(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(VERSION);
}

/// Appends a status line. `status` is 100 to 999; without `reason` the canonical one is written.
///
/// An intermediary speaks its own version (RFC 9110 section 6.2), so `version` is HTTP/1.1 unless a very old client
/// wants to be told 1.0.
pub fn write_status_line(status: u16, reason: Option<&[u8]>, version: Version, out: &mut BytesMut) {
    let canonical = canonical_reason(status);
    let usual = version == Version::Http11 && reason.is_none_or(|reason| reason == canonical.as_bytes());
    if let Some(line) = status::line(status).filter(|_| usual) {
        out.extend_from_slice(line.as_bytes());
        return;
    }
    let reason = reason.unwrap_or(canonical.as_bytes());
    out.reserve("HTTP/1.1 200 \r\n".len() + reason.len());
    out.extend_from_slice(if version == Version::Http11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    for divisor in [100, 10, 1] {
        out.put_u8(b'0' + (status / divisor % 10) as u8);
    }
    out.put_u8(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// Appends `name: value` and CRLF.
#[inline]
pub fn write_field(name: &[u8], value: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_line(status: u16, reason: Option<&[u8]>, version: Version) -> String {
        let mut out = BytesMut::new();
        write_status_line(status, reason, version, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn status_lines() {
        assert_eq!(status_line(200, None, Version::Http11), "HTTP/1.1 200 OK\r\n");
        assert_eq!(status_line(200, Some(b"OK"), Version::Http11), "HTTP/1.1 200 OK\r\n");
        assert_eq!(status_line(200, Some(b"Fine"), Version::Http11), "HTTP/1.1 200 Fine\r\n");
        assert_eq!(status_line(404, None, Version::Http10), "HTTP/1.0 404 Not Found\r\n");
        assert_eq!(status_line(299, None, Version::Http11), "HTTP/1.1 299 \r\n");
        assert_eq!(status_line(599, Some(b""), Version::Http11), "HTTP/1.1 599 \r\n");
        assert_eq!(status_line(200, Some(b""), Version::Http11), "HTTP/1.1 200 \r\n");
    }

    #[test]
    fn a_fixed_body_holds_to_its_length() {
        let mut out = BytesMut::new();
        let mut body = BodyEncoder::new(BodyLength::Fixed(5));
        body.before(3, &mut out).unwrap();
        assert_eq!(body.before(3, &mut out), Err(EncodeError::TooLong { left: 2, len: 3 }));
        assert_eq!(body.end(std::iter::empty(), &mut out), Err(EncodeError::TooShort { left: 2 }));
        assert!(out.is_empty());
    }

    #[test]
    fn chunks_carry_their_size_and_only_harmless_trailers() {
        let mut out = BytesMut::new();
        let mut body = BodyEncoder::new(BodyLength::Chunked);
        for len in [1, 15, 16, 255, 0x1_0000] {
            body.before(len, &mut out).unwrap();
        }
        assert_eq!(&out[..], b"1\r\nf\r\n10\r\nff\r\n10000\r\n");
        assert_eq!(body.before(0, &mut out), Err(EncodeError::EmptyChunk));
        out.clear();
        body.after(&mut out);
        let trailers: [(&[u8], &[u8]); 2] = [(b"Content-Length", b"1"), (b"X-Sum", b"9")];
        body.end(trailers.into_iter(), &mut out).unwrap();
        assert_eq!(&out[..], b"\r\n0\r\nX-Sum: 9\r\n\r\n");
        out.clear();
        body.end(std::iter::empty(), &mut out).unwrap();
        assert!(out.is_empty(), "an ended body ends once");
    }

    #[test]
    fn a_message_without_a_body_takes_none() {
        let mut out = BytesMut::new();
        let mut body = BodyEncoder::new(BodyLength::Empty);
        assert_eq!(body.before(1, &mut out), Err(EncodeError::NotAllowed));
        body.before(0, &mut out).unwrap();
    }
}

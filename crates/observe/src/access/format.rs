//! A format, compiled: text to copy and variables to fill in, with the headers that a record must carry for it.

use mecha_config::access_log::{FormatError, Token, tokens};
use mecha_proxy::access::Captures;

use super::variable::{self, Variable};

/// Headers that carry a trace id, the most trusted first: W3C trace context, Zipkin B3, SOFATracer.
pub(super) const TRACE_HEADERS: [&str; 3] = ["traceparent", "x-b3-traceid", "sofa-traceid"];

/// A compiled format.
#[derive(Debug)]
pub struct Format {
    pieces: Vec<Piece>,
    captures: Captures,
}

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Copied.
    Text(String),
    /// Filled in.
    Variable(Variable),
}

impl Format {
    /// Compiles a format. An empty one is MOSN's default; a variable that nobody knows prints `-`.
    ///
    /// # Errors
    /// When a `%` is not closed, or closed at once.
    pub fn parse(format: &str) -> Result<Format, FormatError> {
        let mut captures = Captures::default();
        let piece = |token| match token {
            Token::Text(text) => Piece::Text(text),
            Token::Variable(name) => Piece::Variable(variable::compile(&name, &mut captures)),
        };
        let pieces: Vec<Piece> = tokens(format)?.into_iter().map(piece).collect();
        let any = |is: fn(&Variable) -> bool| {
            pieces.iter().any(|piece| matches!(piece, Piece::Variable(variable) if is(variable)))
        };
        captures.target = any(Variable::is_of_target);
        captures.called = any(Variable::is_of_call);
        Ok(Format { pieces, captures })
    }

    /// The headers whose values a record must carry.
    pub fn captures(&self) -> &Captures {
        &self.captures
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_is_captured_once() {
        let format = "%request_header_User-Agent% %Http1_request_header_user-agent% %Http2_cookie_a% \
                      %response_header_X-A% %trace_id% %Http1_cookie_b%";
        let captures = Format::parse(format).unwrap().captures;
        assert_eq!(captures.request, ["user-agent", "cookie", "traceparent", "x-b3-traceid", "sofa-traceid"]);
        assert_eq!(captures.response, ["x-a"]);
        assert!(Format::parse("%duration%").unwrap().captures.request.is_empty());
    }

    #[test]
    fn a_bad_format_is_refused() {
        assert_eq!(Format::parse("%a").unwrap_err(), FormatError::Unclosed { at: 0 });
    }
}

//! One access log of a listener, and the grammar of its format. The grammar stands here so that front ends can
//! check a format before the model is built and `observe` can compile it, by the same rules.

use std::fmt;

use crate::server::LogTarget;

/// MOSN's default line (reference 7.1; the double space is its own).
pub const DEFAULT_FORMAT: &str = "%start_time% %trace_id%  %connection_id% %upstream_connection_id% %request_received_duration% %response_received_duration% %bytes_sent% %bytes_received% %protocol% %response_code% %duration% %response_flag% %response_code% %upstream_local_address% %downstream_local_address% %downstream_remote_address% %upstream_host%";

/// Where a line per request goes, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// File or standard output.
    pub target: LogTarget,
    /// `%variable%` text; validated before the model is built.
    pub format: String,
}

/// A part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Copied to the line as it is.
    Text(String),
    /// The name between two `%`; replaced by its value, or by `-` when it has none or nobody knows it.
    Variable(String),
}

/// Why a text is no format. Positions are bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// Two `%` with nothing between them.
    EmptyVariable {
        /// Where the first stands.
        at: usize,
    },
    /// A `%` that no second one closes.
    Unclosed {
        /// Where it stands.
        at: usize,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::EmptyVariable { at } => {
                write!(f, "nothing between the two \"%\" at byte {at}; write \"\\%\" for a percent sign")
            }
            FormatError::Unclosed { at } => {
                write!(
                    f,
                    "the \"%\" at byte {at} is not closed; write \"%name%\", or \"\\%\" for a percent sign"
                )
            }
        }
    }
}

impl std::error::Error for FormatError {}

/// Splits a format into text and variables by MOSN's rules (reference 7.1): `%name%` is a variable, `\%` a percent
/// sign, everything else text. An empty format stands for [`DEFAULT_FORMAT`].
///
/// # Errors
/// When a `%` is not closed, or closed at once. Names are not looked up: unknown ones print `-`.
pub fn tokens(format: &str) -> Result<Vec<Token>, FormatError> {
    let format = if format.is_empty() { DEFAULT_FORMAT } else { format };
    let mut out = Vec::new();
    let mut text = String::new();
    let mut opened: Option<(usize, String)> = None;
    let mut chars = format.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let escaped = c == '\\' && matches!(chars.peek(), Some((_, '%')));
        if escaped {
            chars.next();
        }
        match (&mut opened, if escaped { '%' } else { c }) {
            (None, '%') if !escaped => {
                if !text.is_empty() {
                    out.push(Token::Text(std::mem::take(&mut text)));
                }
                opened = Some((at, String::new()));
            }
            (None, c) => text.push(c),
            (Some((at, name)), '%') if !escaped => {
                if name.is_empty() {
                    return Err(FormatError::EmptyVariable { at: *at });
                }
                out.push(Token::Variable(std::mem::take(name)));
                opened = None;
            }
            (Some((_, name)), c) => name.push(c),
        }
    }
    match opened {
        Some((at, _)) => Err(FormatError::Unclosed { at }),
        None => {
            if !text.is_empty() {
                out.push(Token::Text(text));
            }
            Ok(out)
        }
    }
}

/// Whether [`tokens`] would take this format.
///
/// # Errors
/// As [`tokens`].
pub fn check(format: &str) -> Result<(), FormatError> {
    tokens(format).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Token {
        Token::Text(text.to_owned())
    }

    fn variable(name: &str) -> Token {
        Token::Variable(name.to_owned())
    }

    #[test]
    fn a_format_is_text_and_variables() {
        let parsed = tokens("a %b%%c% \\% \\d").unwrap();
        assert_eq!(parsed, [text("a "), variable("b"), variable("c"), text(" % \\d")]);
        assert_eq!(tokens("plain"), Ok(vec![text("plain")]));
    }

    #[test]
    fn the_default_is_a_format() {
        let parsed = tokens(DEFAULT_FORMAT).unwrap();
        assert_eq!(parsed.iter().filter(|token| matches!(token, Token::Variable(_))).count(), 17);
        assert_eq!(tokens(""), Ok(parsed));
    }

    #[test]
    fn empty_and_unclosed_variables_are_refused() {
        assert_eq!(check("a %% b"), Err(FormatError::EmptyVariable { at: 2 }));
        assert_eq!(check("100%"), Err(FormatError::Unclosed { at: 3 }));
        assert_eq!(check("%a% %b"), Err(FormatError::Unclosed { at: 4 }));
        assert_eq!(check("%a\\%"), Err(FormatError::Unclosed { at: 0 }));
        assert_eq!(check("100\\%"), Ok(()));
    }
}

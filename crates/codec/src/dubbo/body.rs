//! Bodies in Hessian 2.0, as far as they are followed: of a request the four strings in front of its arguments and where
//! the attachments begin, of a response what came of the call.

use std::ops::Range;

use super::attachments::is_value;
use super::header::{OK, SIZE};
use super::{HESSIAN2, descriptor};
use crate::hessian2::scan::{ScanError, Scanner, Text};
use crate::http1::Span;
use crate::rpc::{Envelope, Kind, name};

/// The strings in front of a request's arguments, in their order.
pub(super) const PIECES: [Span; 4] = [name::DUBBO, name::SERVICE, name::VERSION, name::METHOD];

/// One of them.
pub(super) struct Piece {
    /// Its bytes, code included.
    pub(super) at: Range<usize>,
    /// Its text, when that can be a field.
    pub(super) text: Option<Span>,
}

/// A request's body.
pub(super) struct Invocation<'a> {
    pub(super) pieces: [Piece; 4],
    /// Where the types and arguments begin.
    pub(super) arguments_at: usize,
    /// Behind the arguments, when they could be followed.
    pub(super) attachments: Option<Scanner<'a>>,
}

impl<'a> Invocation<'a> {
    /// `None` when not even the strings could be read.
    pub(super) fn read(raw: &'a [u8]) -> Option<Self> {
        let mut scanner = Scanner::new(raw, SIZE);
        let mut piece = || {
            let start = scanner.position();
            let text = match scanner.text().ok()? {
                Text::Whole(span) if is_value(span.slice(raw)) => Some(span),
                _ => None,
            };
            Some(Piece { at: start..scanner.position(), text })
        };
        let pieces = [piece()?, piece()?, piece()?, piece()?];
        let arguments_at = scanner.position();
        let attachments = skip_arguments(raw, &mut scanner).is_some().then_some(scanner);
        Some(Invocation { pieces, arguments_at, attachments })
    }
}

fn skip_arguments(raw: &[u8], scanner: &mut Scanner<'_>) -> Option<()> {
    let Ok(Text::Whole(types)) = scanner.text() else { return None };
    for _ in 0..descriptor::count(types.slice(raw))? {
        scanner.skip_value().ok()?;
    }
    Some(())
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It threw; the payload is the exception.
    Exception,
    /// The payload is the value.
    Value,
    /// It returned null or nothing; there is no payload.
    Null,
}

/// What came of the call that a response answers; `None` when it isn't a response of status OK in Hessian 2.0 that
/// could be read.
pub fn outcome(response: &Envelope) -> Option<Outcome> {
    let is_answer = response.kind == Kind::Response
        && response.code == u16::from(OK)
        && response.serialization == HESSIAN2
        && response.payload.at as usize > SIZE;
    if is_answer { Answer::kind(*response.raw.get(SIZE)?) } else { None }
}

/// A response's body behind the number that says what it is.
pub(super) struct Answer<'a> {
    /// Behind the value.
    pub(super) attachments: Scanner<'a>,
    /// Whether attachments have to follow.
    pub(super) has_attachments: bool,
}

/// The number of [`Outcome::Exception`] without attachments; value and null follow, then the same with attachments.
pub(super) const FIRST_KIND: u8 = 0x90;
/// How much higher the numbers are that say that attachments follow.
pub(super) const WITH_ATTACHMENTS: u8 = 3;

impl<'a> Answer<'a> {
    /// Where the value begins: behind one byte.
    pub(super) const VALUE_AT: usize = SIZE + 1;

    fn kind(code: u8) -> Option<Outcome> {
        Some(match code.checked_sub(FIRST_KIND)? {
            0 | 3 => Outcome::Exception,
            1 | 4 => Outcome::Value,
            2 | 5 => Outcome::Null,
            _ => return None,
        })
    }

    /// `None` when the outcome is an unknown one.
    pub(super) fn read(raw: &'a [u8]) -> Option<Result<Self, ScanError>> {
        let code = *raw.get(SIZE)?;
        let outcome = Self::kind(code)?;
        let mut attachments = Scanner::new(raw, Self::VALUE_AT);
        if outcome != Outcome::Null
            && let Err(error) = attachments.skip_value()
        {
            return Some(Err(error));
        }
        Some(Ok(Answer { attachments, has_attachments: code >= FIRST_KIND + WITH_ATTACHMENTS }))
    }
}

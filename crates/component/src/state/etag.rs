//! What must be stored for a write to go through, taken from the etag and the concurrency of a request. One rule for
//! every driver that compares by itself; drivers whose system compares (a script, an SQL condition) translate it.

use super::{Concurrency, DeleteRequest, SetRequest};
use crate::{Error, Result};

/// What must be stored now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Whatever is there, if anything is.
    Anything,
    /// No item.
    Nothing,
    /// The item of this version.
    Version(&'a str),
}

impl<'a> Expected<'a> {
    /// From a request's parts; an empty etag counts as none (reference 7.2).
    pub fn of(etag: Option<&'a str>, concurrency: Concurrency) -> Self {
        match etag.filter(|etag| !etag.is_empty()) {
            Some(etag) => Expected::Version(etag),
            None if concurrency == Concurrency::FirstWrite => Expected::Nothing,
            None => Expected::Anything,
        }
    }

    /// Compares with the stored version, `None` where no item is.
    ///
    /// # Errors
    /// [`crate::ErrorKind::EtagMismatch`] when something else is stored.
    pub fn check(self, stored: Option<&str>) -> Result<()> {
        match (self, stored) {
            (Expected::Anything, _) | (Expected::Nothing, None) => Ok(()),
            (Expected::Version(wanted), Some(stored)) if wanted == stored => Ok(()),
            (Expected::Version(_), _) => Err(Error::etag_mismatch(Some("another version is stored"))),
            (Expected::Nothing, Some(_)) => {
                Err(Error::etag_mismatch(Some("an item is stored already and no etag was given")))
            }
        }
    }
}

impl SetRequest {
    /// What must be stored now for this request to go through.
    pub fn expected(&self) -> Expected<'_> {
        Expected::of(self.etag.as_deref(), self.concurrency)
    }
}

impl DeleteRequest {
    /// What must be stored now for this request to go through.
    pub fn expected(&self) -> Expected<'_> {
        Expected::of(self.etag.as_deref(), self.concurrency)
    }
}

/// The etag of a store whose versions are numbers.
///
/// # Errors
/// [`crate::ErrorKind::EtagInvalid`] when it is none.
pub fn numeric(etag: &str) -> Result<u64> {
    etag.parse().map_err(|_| Error::etag_invalid(Some(&format!("`{etag}` is not a number"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn first_write_without_an_etag_wants_an_empty_place() {
        for etag in [None, Some("")] {
            let expected = Expected::of(etag, Concurrency::FirstWrite);
            assert_eq!(expected.check(None), Ok(()));
            assert_eq!(expected.check(Some("1")).unwrap_err().kind(), ErrorKind::EtagMismatch);
        }
    }

    #[test]
    fn an_etag_counts_with_either_concurrency() {
        for concurrency in [Concurrency::FirstWrite, Concurrency::LastWrite] {
            let expected = Expected::of(Some("2"), concurrency);
            assert_eq!(expected.check(Some("2")), Ok(()));
            assert!(expected.check(Some("1")).is_err());
            assert!(expected.check(None).is_err());
        }
        assert_eq!(Expected::of(None, Concurrency::LastWrite).check(Some("9")), Ok(()));
    }

    #[test]
    fn a_numeric_etag_says_what_is_wrong() {
        assert_eq!(numeric("17"), Ok(17));
        let error = numeric("abc").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EtagInvalid);
        assert_eq!(error.message(), "invalid etag value: `abc` is not a number");
    }
}

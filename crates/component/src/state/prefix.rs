//! The rule of deleting by prefix: the prefix ends in the separator of key parts, and only keys one part below it are
//! meant, so that removing an actor's state leaves alone what belongs to an actor whose id goes on after it (reference 7.2).

use crate::{Error, Result};

/// What stands between the parts of a key.
pub const SEPARATOR: &str = "||";

/// The prefix with its separator at the end.
///
/// # Errors
/// When it is empty.
pub fn whole(prefix: &str) -> Result<String> {
    if prefix.is_empty() {
        return Err(Error::invalid("prefix is required"));
    }
    let mut whole = prefix.to_owned();
    if !whole.ends_with(SEPARATOR) {
        whole.push_str(SEPARATOR);
    }
    Ok(whole)
}

/// Whether `key` is one part below `whole`.
pub fn is_direct(whole: &str, key: &str) -> bool {
    key.strip_prefix(whole).is_some_and(|rest| !rest.contains(SEPARATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_right_below_counts() {
        assert_eq!(whole("a||b").as_deref(), Ok("a||b||"));
        assert_eq!(whole("a||").as_deref(), Ok("a||"));
        assert_eq!(whole("").unwrap_err().message(), "prefix is required");
        assert!(is_direct("a||", "a||x"));
        assert!(!is_direct("a||", "a||x||y"));
        assert!(!is_direct("a||", "ab||x"));
    }
}

//! Why arguments can't be read.

/// What is wrong with the arguments, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// There is no such flag.
    #[error("unknown flag {flag}{}; --help lists all flags", nearest.as_ref().map(|near| format!(", did you mean {near}?")).unwrap_or_default())]
    Unknown {
        /// As it was written.
        flag: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The flag takes a value and nothing follows.
    #[error("{flag} needs a value; write {flag} {form}")]
    NoValue {
        /// The flag.
        flag: String,
        /// What its value looks like.
        form: &'static str,
    },
    /// The value is none of the flag's.
    #[error("{flag}: \"{value}\" {problem}")]
    Invalid {
        /// The flag.
        flag: String,
        /// As it was written.
        value: String,
        /// What is wrong, with what would be right.
        problem: String,
    },
    /// A word that belongs to no flag.
    #[error("unexpected argument \"{word}\"{}", if matches!(word.as_str(), "true" | "false") { "; write --flag=true or --flag=false" } else { "" })]
    Unexpected {
        /// The word.
        word: String,
    },
}

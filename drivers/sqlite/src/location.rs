//! Connection strings: `data.db`, `file:data.db?mode=ro`, `:memory:`. Options that SQLite itself knows stay in the URI;
//! `_pragma=name(value)` is carried out when the database is opened; others that begin with an underscore belong to
//! drivers of other languages and change nothing here.

use mecha_component::{Error, Result};
use percent_encoding::percent_decode_str;

const PRAGMA: &str = "_pragma";
/// Pragmas that have a property of their own, or none at all.
const FORBIDDEN: [(&str, &str); 3] = [
    ("busy_timeout", "please use the `busyTimeout` metadata property instead"),
    ("journal_mode", "please use the `disableWAL` metadata property instead"),
    ("foreign_keys", "the layout has no foreign keys"),
];

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// A path, or a URI when it begins with `file:`.
    pub(crate) target: String,
    /// Statements like `name(value)`, made of safe characters.
    pub(crate) pragmas: Vec<String>,
    pub(crate) in_memory: bool,
    pub(crate) read_only: bool,
}

impl Location {
    pub(crate) fn parse(connection: &str) -> Result<Self> {
        let (path, query) = connection.split_once('?').unwrap_or((connection, ""));
        let lower = path.to_ascii_lowercase();
        let mut location = Location {
            target: connection.to_owned(),
            pragmas: Vec::new(),
            in_memory: lower.starts_with(":memory:") || lower.starts_with("file::memory:"),
            read_only: false,
        };
        if !query.is_empty() && !lower.starts_with("file:") {
            location.target = format!("file:{connection}");
        }
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match (name, value.as_ref()) {
                ("mode", "ro") | ("immutable", "1") => location.read_only = true,
                ("mode", "memory") => location.in_memory = true,
                (PRAGMA, pragma) => location.pragmas.push(checked(pragma)?),
                _ => {}
            }
        }
        Ok(location)
    }
}

fn checked(pragma: &str) -> Result<String> {
    let pragma = pragma.trim();
    let lower = pragma.to_ascii_lowercase();
    if let Some((name, instead)) = FORBIDDEN.iter().find(|(name, _)| lower.starts_with(name)) {
        return Err(Error::configuration(format!(
            "found forbidden option '_pragma={name}' in the connection string: {instead}"
        )));
    }
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_()=-. ".contains(c);
    if pragma.is_empty() || !pragma.chars().all(is_safe) {
        return Err(Error::configuration(format!(
            "connectionString: `_pragma={pragma}` must look like `_pragma=name(value)`"
        )));
    }
    Ok(pragma.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris() {
        let plain = Location::parse("some folder/data.db").unwrap();
        assert_eq!((plain.target.as_str(), plain.in_memory), ("some folder/data.db", false));
        let with_options = Location::parse("data.db?mode=ro").unwrap();
        assert_eq!((with_options.target.as_str(), with_options.read_only), ("file:data.db?mode=ro", true));
        let uri = Location::parse("file:data.db?_txlock=immediate").unwrap();
        assert_eq!((uri.target.as_str(), uri.read_only), ("file:data.db?_txlock=immediate", false));
        for memory in [":memory:", "file::memory:?cache=shared", "file:name?mode=memory"] {
            assert!(Location::parse(memory).unwrap().in_memory, "{memory}");
        }
    }

    #[test]
    fn pragmas() {
        let location =
            Location::parse("file:data.db?_pragma=cache_size%28-2000%29&_pragma=synchronous(1)").unwrap();
        assert_eq!(location.pragmas, ["cache_size(-2000)", "synchronous(1)"]);
        for forbidden in ["busy_timeout(5)", "journal_mode(WAL)", "foreign_keys(1)"] {
            let error = Location::parse(&format!("data.db?_pragma={forbidden}")).unwrap_err();
            assert!(error.message().starts_with("found forbidden option '_pragma="), "{error}");
        }
        assert!(Location::parse("data.db?_pragma=a;DROP TABLE state").is_err());
    }
}

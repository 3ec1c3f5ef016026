//! The properties of the component (reference 4.2.19), checked.

use std::time::Duration;

use mecha_component::{Error, Properties, Result};

use crate::location::Location;

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(20);
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
const TABLE: &str = "state";
const METADATA_TABLE: &str = "metadata";

/// What the component was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) location: Location,
    /// How long an operation may take, waiting for its turn included.
    pub(crate) timeout: Duration,
    /// How long to wait for another process that writes; zero = not at all.
    pub(crate) busy_timeout: Duration,
    pub(crate) wal: bool,
    /// Both are plain identifiers, safe to put into SQL.
    pub(crate) table: String,
    pub(crate) metadata_table: String,
    /// How often expired rows are removed; `None` = never.
    pub(crate) cleanup: Option<Duration>,
}

impl Options {
    pub(crate) fn read(properties: &Properties) -> Result<Self> {
        let connection = properties.get("connectionString").or_else(|| properties.get("url"));
        // The words are those that tools know (reference 5.4).
        let connection = connection.ok_or_else(|| Error::configuration("missing connection string"))?;
        let timeout = first(properties, &["timeout", "timeoutInSeconds"])?.unwrap_or(TIMEOUT);
        if timeout < SECOND {
            return Err(Error::configuration("invalid value for 'timeout': must be greater than 1s"));
        }
        Ok(Options {
            location: Location::parse(connection)?,
            timeout,
            busy_timeout: first(properties, &["busyTimeout"])?.unwrap_or(BUSY_TIMEOUT),
            wal: !properties.flag("disableWAL").unwrap_or(false),
            table: identifier(properties, "tableName", TABLE)?,
            metadata_table: identifier(properties, "metadataTableName", METADATA_TABLE)?,
            cleanup: first(properties, &["cleanupInterval", "cleanupIntervalInSeconds"])?
                .filter(|interval| !interval.is_zero()),
        })
    }
}

/// The first of several names of one duration; a negative one counts as zero, a bare number is seconds.
fn first(properties: &Properties, names: &[&str]) -> Result<Option<Duration>> {
    let Some(name) = names.iter().find(|name| properties.get(name).is_some()) else { return Ok(None) };
    match properties.get(name) {
        Some(value) if value.trim_start().starts_with('-') => Ok(Some(Duration::ZERO)),
        _ => properties.duration(name, SECOND),
    }
}

fn identifier(properties: &Properties, name: &str, default: &str) -> Result<String> {
    let value = properties.get(name).unwrap_or(default);
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(value.to_owned());
    }
    Err(Error::configuration(format!(
        "invalid identifier: {value}: {name} may have ASCII letters, digits and underscores"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options> {
        Options::read(&pairs.iter().copied().collect())
    }

    #[test]
    fn defaults() {
        let options = read(&[("connectionString", "data.db")]).unwrap();
        assert_eq!(
            (options.timeout, options.busy_timeout),
            (Duration::from_secs(20), Duration::from_secs(2))
        );
        assert_eq!((options.table.as_str(), options.metadata_table.as_str()), ("state", "metadata"));
        assert!(options.wal);
        assert_eq!(options.cleanup, None);
    }

    #[test]
    fn durations_and_their_older_names() {
        let options = read(&[
            ("url", "data.db"),
            ("timeoutInSeconds", "30"),
            ("busyTimeout", "150ms"),
            ("cleanupInterval", "1h"),
            ("disableWAL", "true"),
        ])
        .unwrap();
        assert_eq!(options.timeout, Duration::from_secs(30));
        assert_eq!(options.busy_timeout, Duration::from_millis(150));
        assert_eq!(options.cleanup, Some(Duration::from_secs(3600)));
        assert!(!options.wal);
        let off = read(&[("connectionString", "data.db"), ("cleanupIntervalInSeconds", "-1")]).unwrap();
        assert_eq!(off.cleanup, None);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(read(&[]).unwrap_err().message(), "missing connection string");
        let error = read(&[("connectionString", "data.db"), ("timeout", "10ms")]).unwrap_err();
        assert_eq!(error.message(), "invalid value for 'timeout': must be greater than 1s");
        let error = read(&[("connectionString", "data.db"), ("tableName", "state; DROP")]).unwrap_err();
        assert!(error.message().starts_with("invalid identifier: state; DROP"), "{error}");
    }
}

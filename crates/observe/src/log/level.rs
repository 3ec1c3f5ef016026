//! MOSN's level names, and how they meet the levels of `tracing`.

use mecha_config::server::LogLevel;
use tracing::level_filters::LevelFilter;

const NAMES: [(LogLevel, &str); 7] = [
    (LogLevel::Off, "OFF"),
    (LogLevel::Fatal, "FATAL"),
    (LogLevel::Error, "ERROR"),
    (LogLevel::Warn, "WARN"),
    (LogLevel::Info, "INFO"),
    (LogLevel::Debug, "DEBUG"),
    (LogLevel::Trace, "TRACE"),
];

/// MOSN's name of a level.
pub fn name(level: LogLevel) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == level).map_or("INFO", |(_, name)| name)
}

/// The level of this name, ignoring case; `None` when there is no such level.
pub fn parse(name: &str) -> Option<LogLevel> {
    NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(level, _)| *level)
}

/// Every name, most severe first.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// A place in the list of levels, to keep in an atomic.
pub(crate) fn index(level: LogLevel) -> u8 {
    level as u8
}

pub(crate) fn from_index(index: u8) -> LogLevel {
    NAMES.get(usize::from(index)).map_or(LogLevel::Info, |(level, _)| *level)
}

/// What `tracing` lets through at this level. It knows no event worse than an error, so FATAL lets nothing through:
/// what ends the process is said by the binary.
pub(crate) fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off | LogLevel::Fatal => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_finds_back() {
        for (level, text) in NAMES {
            assert_eq!(from_index(index(level)), level);
            assert_eq!(name(level), text);
            assert_eq!(parse(&text.to_lowercase()), Some(level));
        }
        assert_eq!(parse("LOUD"), None);
    }
}

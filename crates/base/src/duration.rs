//! Durations as Go writes them ("300ms", "1h30m", "1.25ms"): MOSN's configuration reads them
//! (reference 1.0) and its access log prints them (7.1).

use std::fmt::Write;
use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing, or no digits where a number must stand.
    #[error("not a duration; write a number and a unit, for example \"300ms\" or \"1m30s\"")]
    Malformed,
    /// A number that is not zero, without a unit.
    #[error("the unit is missing; write for example \"{0}s\" or \"{0}ms\"")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("unknown unit \"{0}\"; known are ns, us, ms, s, m, h")]
    UnknownUnit(String),
    /// Below zero, or more than fits.
    #[error("out of range; a duration is between 0 and 292 years")]
    OutOfRange,
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration by Go's rules. A plain `0` needs no unit; below zero is refused.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    if text.starts_with('-') {
        return Err(DurationError::OutOfRange);
    }
    let mut rest = text;
    let mut total: f64 = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let value: f64 = number.parse().map_err(|_| DurationError::Malformed)?;
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(DurationError::NoUnit(number.to_owned()));
        }
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| DurationError::UnknownUnit(unit.to_owned()))?;
        total += value * *scale as f64;
        rest = tail;
    }
    if total > i64::MAX as f64 {
        return Err(DurationError::OutOfRange);
    }
    Ok(Duration::from_nanos(total.round() as u64))
}

/// Writes a duration as Go's `Duration.String` does: "1h2m3.5s", "1.25ms", "0s".
pub fn write(duration: Duration, out: &mut String) {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        out.push_str("0s");
    } else if nanos < 1_000 {
        let _ = write!(out, "{nanos}ns");
    } else if nanos < 1_000_000 {
        fraction(nanos, 1_000, out);
        out.push_str("\u{b5}s");
    } else if nanos < 1_000_000_000 {
        fraction(nanos, 1_000_000, out);
        out.push_str("ms");
    } else {
        let seconds = duration.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            let _ = write!(out, "{hours}h");
        }
        if hours > 0 || minutes > 0 {
            let _ = write!(out, "{minutes}m");
        }
        fraction(nanos % 60_000_000_000, 1_000_000_000, out);
        out.push('s');
    }
}

/// The duration as Go text.
pub fn to_text(duration: Duration) -> String {
    let mut out = String::new();
    write(duration, &mut out);
    out
}

/// Writes `value / unit` with as many decimals as it has, no trailing zeros.
fn fraction(value: u128, unit: u128, out: &mut String) {
    let _ = write!(out, "{}", value / unit);
    let mut rest = value % unit;
    if rest == 0 {
        return;
    }
    out.push('.');
    let mut unit = unit;
    while rest > 0 {
        unit /= 10;
        let _ = write!(out, "{}", rest / unit);
        rest %= unit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(parse("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("\u{b5}s"), Err(DurationError::Malformed));
        assert_eq!(parse("10"), Err(DurationError::NoUnit("10".into())));
        assert_eq!(parse("5 s"), Err(DurationError::UnknownUnit(" s".into())));
        assert_eq!(parse("-1s"), Err(DurationError::OutOfRange));
        assert_eq!(parse(""), Err(DurationError::Malformed));
    }

    #[test]
    fn writes_what_go_writes() {
        let cases: [(u64, &str); 8] = [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5\u{b5}s"),
            (1_250_000, "1.25ms"),
            (1_000_000_000, "1s"),
            (61_500_000_000, "1m1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (90_000_000_000, "1m30s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(to_text(Duration::from_nanos(nanos)), text);
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)));
        }
    }
}

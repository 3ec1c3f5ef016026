//! Local time as text. A log line begins with it, so the date and time of a second are made once and reused for
//! every line of that second.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes points in time in one layout.
pub(crate) struct Stamp {
    zone: TimeZone,
    date: char,
    fraction: char,
    second: Option<u64>,
    text: String,
}

/// The two layouts that a writer needs.
pub(crate) struct Stamps {
    /// MOSN's `2006/01/02 15:04:05.000` of access logs (reference 7.1).
    pub(crate) access: Stamp,
    /// MOSN's `2006-01-02 15:04:05,000` of its own log.
    pub(crate) log: Stamp,
}

impl Stamps {
    /// In this zone.
    pub(crate) fn new(zone: &TimeZone) -> Self {
        Stamps { access: Stamp::new(zone.clone(), '/', '.'), log: Stamp::new(zone.clone(), '-', ',') }
    }
}

impl Stamp {
    fn new(zone: TimeZone, date: char, fraction: char) -> Self {
        Stamp { zone, date, fraction, second: None, text: String::new() }
    }

    /// Writes `time` to the millisecond. A time before 1970 is written as 1970.
    pub(crate) fn write(&mut self, time: SystemTime, out: &mut String) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        if self.second != Some(since.as_secs()) {
            self.make(since.as_secs());
        }
        out.push_str(&self.text);
        out.push(self.fraction);
        for unit in [100, 10, 1] {
            let digit = since.subsec_millis() / unit % 10;
            out.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
    }

    fn make(&mut self, second: u64) {
        self.second = Some(second);
        self.text.clear();
        let civil = civil(second, &self.zone);
        let _ = write!(
            self.text,
            "{:04}{d}{:02}{d}{:02} {:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second(),
            d = self.date,
        );
    }
}

/// The date and time that a clock on the wall shows at this second since 1970.
pub(crate) fn civil(second: u64, zone: &TimeZone) -> jiff::civil::DateTime {
    zone.to_datetime(timestamp(second))
}

/// How many seconds the zone is ahead of UTC then.
pub(crate) fn offset(second: u64, zone: &TimeZone) -> i64 {
    i64::from(zone.to_offset(timestamp(second)).seconds())
}

fn timestamp(second: u64) -> Timestamp {
    i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_mosns() {
        let mut stamps = Stamps::new(&TimeZone::fixed(jiff::tz::offset(8)));
        let time = UNIX_EPOCH + Duration::from_millis(1_136_214_245_007);
        let (mut access, mut log) = (String::new(), String::new());
        stamps.access.write(time, &mut access);
        stamps.log.write(time, &mut log);
        assert_eq!(access, "2006/01/02 23:04:05.007");
        assert_eq!(log, "2006-01-02 23:04:05,007");
        access.clear();
        stamps.access.write(time + Duration::from_millis(1993), &mut access);
        assert_eq!(access, "2006/01/02 23:04:07.000");
    }
}

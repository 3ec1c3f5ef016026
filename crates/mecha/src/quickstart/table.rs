//! The quickstart's table: a line per path with result, calls and latencies, and the reasons of what failed.

use std::fmt::Write as _;
use std::time::Duration;

const HEAD: [&str; 6] = ["path", "result", "calls", "p50", "p99", "what happened"];
/// Columns of numbers are set to the right.
const RIGHT: [bool; 6] = [false, false, true, true, true, false];

/// What happened on one path.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// How many calls there should have been.
    pub(super) planned: usize,
    /// Of the calls that succeeded, in any order.
    pub(super) latencies: Vec<Duration>,
    pub(super) failed: usize,
    /// The last column.
    pub(super) detail: String,
    /// Why it did not pass, when the calls do not say it all.
    pub(super) complaint: Option<String>,
}

impl Row {
    /// Whether every call was made and succeeded, and nothing else is wrong.
    pub(super) fn passed(&self) -> bool {
        self.failed == 0 && self.complaint.is_none() && self.latencies.len() == self.planned
    }

    fn cells(&self) -> [String; 6] {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        [
            self.name.to_owned(),
            if self.passed() { "ok".to_owned() } else { "FAILED".to_owned() },
            format!("{}/{}", self.latencies.len(), self.planned),
            milliseconds(percentile(&sorted, 50)),
            milliseconds(percentile(&sorted, 99)),
            self.detail.clone(),
        ]
    }
}

/// The smallest value that at least `percent` of them do not exceed (nearest rank); `None` without values.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn milliseconds(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "-".to_owned(), |latency| format!("{:.2} ms", latency.as_secs_f64() * 1e3))
}

/// The table, and below it a line for each path that did not pass.
pub(super) fn render(rows: &[Row]) -> String {
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(Row::cells));
    let mut widths = [0; 6];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for row in &cells {
        out.push_str(line(row, &widths).trim_end());
        out.push('\n');
    }
    for row in rows.iter().filter(|row| !row.passed()) {
        let missing = row.planned.saturating_sub(row.latencies.len());
        let reason = row.complaint.as_deref().unwrap_or("no reason known");
        // Writing to a string can't fail.
        let _ =
            writeln!(out, "\nFAILED {}: {missing} of {} calls: {}", row.name, row.planned, reason.trim_end());
    }
    out
}

fn line(row: &[String; 6], widths: &[usize; 6]) -> String {
    let cells = row.iter().zip(widths).zip(RIGHT);
    let padded = cells.map(|((cell, &width), right)| match right {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    });
    padded.collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(latencies: usize, failed: usize, complaint: Option<&str>) -> Row {
        Row {
            name: "a path",
            planned: 100,
            latencies: (1..=latencies as u64).rev().map(Duration::from_millis).collect(),
            failed,
            detail: "here > there".to_owned(),
            complaint: complaint.map(str::to_owned),
        }
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sorted: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&sorted, 99), Some(Duration::from_millis(99)));
        assert_eq!(percentile(&sorted[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn a_row_passes_only_when_every_call_succeeded() {
        assert!(row(100, 0, None).passed());
        assert!(!row(99, 0, None).passed(), "calls not made");
        assert!(!row(99, 1, Some("status 503")).passed());
        assert!(!row(100, 0, Some("wrong shares")).passed());
    }

    #[test]
    fn columns_line_up_and_failures_say_why() {
        let text = render(&[row(100, 0, None), row(75, 1, Some("status 503: no healthy host\n"))]);
        let expected = "\
path    result    calls       p50       p99  what happened
a path  ok      100/100  50.00 ms  99.00 ms  here > there
a path  FAILED   75/100  38.00 ms  75.00 ms  here > there

FAILED a path: 25 of 100 calls: status 503: no healthy host
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_path_without_an_answer_has_no_latency() {
        let text = render(&[row(0, 4, Some("refused"))]);
        assert!(text.contains("a path  FAILED  0/100    -    -  here > there"), "{text}");
    }
}

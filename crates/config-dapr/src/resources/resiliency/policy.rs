//! Timeouts, retries and circuit breakers.

use std::ops::RangeInclusive;
use std::time::Duration;

use mecha_base::duration;
use mecha_config::runtime::resiliency::{Breaker, Pause, Retry};
use mecha_document::{Kind, Node, Object, shortened};

/// Between tries of the policy `constant` (reference 3.4).
const PAUSE: Duration = Duration::from_secs(5);

/// The longest pause of the policy `exponential`.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How long a breaker stays open.
const OPEN: Duration = Duration::from_secs(60);

/// When a breaker opens.
const TRIP: &str = "consecutiveFailures > 5";

/// Statuses that a retry can name.
const HTTP_CODES: RangeInclusive<u16> = 100..=599;

/// gRPC codes that a retry can name.
const GRPC_CODES: RangeInclusive<u16> = 0..=16;

/// A duration in Go's notation; a plain number counts milliseconds.
pub(super) fn time(node: Node<'_>) -> Option<Duration> {
    if matches!(node.kind(), Kind::Text | Kind::Number)
        && let Ok(milliseconds) = node.text().parse()
    {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = node.string()?;
    match duration::parse(text) {
        Ok(duration) => Some(duration),
        Err(error) => {
            node.error(format!("invalid duration \"{}\": {error}", shortened(text)));
            None
        }
    }
}

fn time_at(fields: &Object<'_>, key: &'static str) -> Option<Duration> {
    fields.get(key).and_then(time)
}

/// `{policy, duration, maxInterval, maxRetries, matching {httpStatusCodes, gRPCStatusCodes}}`.
pub(super) fn retry(node: Node<'_>) -> Option<Retry> {
    let fields = node.object()?;
    let pause = time_at(&fields, "duration").unwrap_or(PAUSE);
    let max = time_at(&fields, "maxInterval").unwrap_or(MAX_PAUSE);
    // Anything below zero means without end.
    let max_retries = fields.get("maxRetries").and_then(|node| node.whole(i64::MIN, i64::from(u32::MAX)));
    let matching = fields.object("matching");
    let codes = |key, valid: &RangeInclusive<u16>| {
        matching.as_ref().and_then(|fields| fields.get(key)).and_then(|node| self::codes(node, valid))
    };
    let (http_codes, grpc_codes) =
        (codes("httpStatusCodes", &HTTP_CODES), codes("gRPCStatusCodes", &GRPC_CODES));
    let pause = match fields.text_at("policy") {
        None => Pause::Constant(pause),
        Some((_, text)) if text.eq_ignore_ascii_case("constant") => Pause::Constant(pause),
        Some((_, text)) if text.eq_ignore_ascii_case("exponential") => Pause::Exponential { max },
        Some((node, text)) => {
            node.error_with(
                format!("\"{}\" is no retry policy", shortened(text)),
                "there are constant and exponential",
            );
            return None;
        }
    };
    let max_retries = max_retries.and_then(|most| u32::try_from(most).ok());
    Some(Retry { pause, max_retries, http_codes, grpc_codes })
}

/// Codes and ranges of them, which commas part: `429,500-503`. `None` = every failure.
fn codes(node: Node<'_>, valid: &RangeInclusive<u16>) -> Option<Vec<RangeInclusive<u16>>> {
    let text = if node.kind() == Kind::Number { node.text() } else { node.string()? };
    if text.is_empty() {
        return None;
    }
    let example = if *valid.start() == 0 { "4,8-14" } else { "429,500-503" };
    let mut ranges = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if valid.contains(&first) && valid.contains(&last) && first <= last => {
                ranges.push(first..=last);
            }
            _ => node.error_with(
                format!("invalid pattern \"{}\"", shortened(part)),
                format!("write codes from {} to {}, for example {example}", valid.start(), valid.end()),
            ),
        }
    }
    Some(ranges)
}

/// `{maxRequests, interval, timeout, trip}`.
pub(super) fn breaker(node: Node<'_>) -> Option<Breaker> {
    let fields = node.object()?;
    Some(Breaker {
        max_requests: fields.number("maxRequests").filter(|most| *most > 0).unwrap_or(1),
        interval: time_at(&fields, "interval").unwrap_or_default(),
        timeout: time_at(&fields, "timeout").filter(|time| !time.is_zero()).unwrap_or(OPEN),
        trip: fields.text("trip").unwrap_or(TRIP).trim().to_owned(),
    })
}

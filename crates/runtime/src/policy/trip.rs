//! When a circuit breaker opens: a CEL expression over its counts.

use cel::{Context, Value};
use mecha_resilience::Counts;
use mecha_resilience::breaker::Trip;

use crate::expression;

/// The expression that is taken when none is given (reference 3.4).
const USUAL: &str = "consecutiveFailures > 5";

/// The expression as a function.
///
/// # Errors
/// When it is no CEL expression.
pub(super) fn trip(expression: &str) -> Result<Trip, String> {
    let expression = if expression.trim().is_empty() { USUAL } else { expression };
    let program = expression::compile(expression).map_err(|error| format!("`{expression}`: {error}"))?;
    let expression = expression.to_owned();
    Ok(Box::new(move |counts| match program.execute(&variables(counts)) {
        Ok(Value::Bool(trips)) => trips,
        other => {
            tracing::error!("the trip expression `{expression}` gives {other:?}, not true or false");
            false
        }
    }))
}

fn variables(counts: &Counts) -> Context<'static, 'static> {
    let mut context = expression::context();
    let values = [
        ("requests", counts.requests),
        ("totalSuccesses", counts.total_successes),
        ("totalFailures", counts.total_failures),
        ("consecutiveSuccesses", counts.consecutive_successes),
        ("consecutiveFailures", counts.consecutive_failures),
    ];
    for (name, value) in values {
        context.add_variable_from_value(name, i64::try_from(value).unwrap_or(i64::MAX));
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_look_at_the_counts() {
        let counts = Counts { requests: 10, total_failures: 6, consecutive_failures: 6, ..Counts::default() };
        assert!(trip("").unwrap()(&counts));
        assert!(trip("requests >= 10 && totalFailures > 5").unwrap()(&counts));
        assert!(!trip("consecutiveFailures > 6").unwrap()(&counts));
        assert!(!trip("requests").unwrap()(&counts), "no truth value trips nothing");
        assert!(trip("consecutiveFailures >").is_err());
    }
}

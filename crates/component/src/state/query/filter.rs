//! The conditions of a query: comparisons at the leaves, AND and OR above them. A document without the field a comparison
//! names does not meet it, whatever the comparison is.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::value;
use crate::{Error, Result};

const KNOWN: &str = "EQ, NEQ, GT, GTE, LT, LTE, IN, AND, OR";

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Compare { path: String, how: Compare, with: Value },
    In { path: String, values: Vec<Value> },
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

/// How a field and an operand must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Reads `query.filter`; an empty object asks for nothing.
    pub(super) fn root(value: &Value) -> Result<Option<Self>> {
        match value {
            Value::Object(fields) if fields.is_empty() => Ok(None),
            value => Self::read(value, "query.filter").map(Some),
        }
    }

    fn read(value: &Value, place: &str) -> Result<Self> {
        let (operator, operand) = single(value).ok_or_else(|| {
            Error::invalid(format!("{place}: must be an object with one operator of {KNOWN}"))
        })?;
        let place = format!("{place}.{operator}");
        let compare = |how| {
            let (path, with) = field(operand, &place)?;
            Ok(Filter::Compare { path: path.clone(), how, with: with.clone() })
        };
        match operator.as_str() {
            "EQ" => compare(Compare::Equal),
            "NEQ" => compare(Compare::NotEqual),
            "GT" => compare(Compare::Greater),
            "GTE" => compare(Compare::GreaterOrEqual),
            "LT" => compare(Compare::Less),
            "LTE" => compare(Compare::LessOrEqual),
            "IN" => match field(operand, &place)? {
                (path, Value::Array(values)) => Ok(Filter::In { path: path.clone(), values: values.clone() }),
                (path, _) => Err(Error::invalid(format!("{place}.{path}: must be a list of values"))),
            },
            "AND" => Self::list(operand, &place).map(Filter::And),
            "OR" => Self::list(operand, &place).map(Filter::Or),
            _ => Err(Error::invalid(format!("{place}: unknown operator; known are {KNOWN}"))),
        }
    }

    fn list(operand: &Value, place: &str) -> Result<Vec<Self>> {
        match operand {
            Value::Array(parts) if !parts.is_empty() => {
                let read = |(index, part)| Self::read(part, &format!("{place}[{index}]"));
                parts.iter().enumerate().map(read).collect()
            }
            _ => Err(Error::invalid(format!("{place}: must be a list of conditions"))),
        }
    }

    /// Whether a document meets the condition.
    pub(super) fn matches(&self, document: &Value) -> bool {
        match self {
            Filter::Compare { path, how, with } => {
                value::at(document, path).is_some_and(|field| how.holds(field, with))
            }
            Filter::In { path, values } => value::at(document, path)
                .is_some_and(|field| values.iter().any(|with| Compare::Equal.holds(field, with))),
            Filter::And(parts) => parts.iter().all(|part| part.matches(document)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches(document)),
        }
    }
}

impl Compare {
    fn holds(self, field: &Value, with: &Value) -> bool {
        let order = value::compare(field, with);
        match self {
            Compare::Equal => order == Some(Ordering::Equal),
            Compare::NotEqual => order != Some(Ordering::Equal),
            Compare::Greater => order == Some(Ordering::Greater),
            Compare::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Compare::Less => order == Some(Ordering::Less),
            Compare::LessOrEqual => order.is_some_and(Ordering::is_le),
        }
    }
}

/// The one entry of an object that has one.
fn single(value: &Value) -> Option<(&String, &Value)> {
    value.as_object().filter(|fields| fields.len() == 1).and_then(|fields: &Map<_, _>| fields.iter().next())
}

fn field<'a>(operand: &'a Value, place: &str) -> Result<(&'a String, &'a Value)> {
    single(operand)
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| Error::invalid(format!("{place}: must be an object with one path and its value")))
}

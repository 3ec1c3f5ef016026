//! The query language of the API in that of the search module.

use mecha_component::{Error, Result};
use serde_json::Value;

use super::index::Index;

/// What a search is asked.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) filter: String,
    /// The field, and whether the largest comes first.
    pub(super) sort: Option<(String, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) skip: usize,
}

impl Question {
    /// Reads a query of the API.
    pub(super) fn read(query: &Value, index: &Index) -> Result<Self> {
        let field = |name| query.get(name).filter(|value: &&Value| !value.is_null());
        let filter = match field("filter") {
            Some(Value::Object(fields)) if fields.is_empty() => "*".to_owned(),
            Some(filter) => read(filter, index)?,
            None => "*".to_owned(),
        };
        let sort = match field("sort").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
            [] => None,
            [entry] => Some(sort(entry, index)?),
            _ => return Err(Error::invalid("query.sort: this store can sort by one key only")),
        };
        let page = field("page");
        let limit =
            page.and_then(|page| page.get("limit")).and_then(Value::as_u64).filter(|limit| *limit > 0);
        let token = page.and_then(|page| page.get("token")).and_then(Value::as_str).unwrap_or_default();
        let skip = match token {
            "" => 0,
            token => token.parse().map_err(|_| {
                Error::invalid("query.page.token: is not one that a query of this store has answered")
            })?,
        };
        Ok(Question { filter, sort, limit: limit.and_then(|limit| usize::try_from(limit).ok()), skip })
    }
}

fn sort(entry: &Value, index: &Index) -> Result<(String, bool)> {
    let path = entry.get("key").and_then(Value::as_str).unwrap_or_default();
    let order = entry.get("order").and_then(Value::as_str).unwrap_or_default();
    let (name, _) = index.field(path)?;
    match order.to_ascii_uppercase().as_str() {
        "" | "ASC" => Ok((name, false)),
        "DESC" => Ok((name, true)),
        _ => Err(Error::invalid("query.sort[0].order: must be ASC or DESC")),
    }
}

fn read(filter: &Value, index: &Index) -> Result<String> {
    let single =
        filter.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    let (operator, operand) =
        single.ok_or_else(|| Error::invalid("query.filter: must be an object with one operator"))?;
    let range = |from: &str, to: &str| {
        let (path, value) = path_and_value(operand)?;
        let (name, _) = index.field(path)?;
        let number = value
            .as_number()
            .ok_or_else(|| Error::invalid(format!("query.filter: {operator} of `{path}` needs a number")))?;
        let number = number.to_string();
        Ok(format!("(@{name}:[{} {}])", from.replace('#', &number), to.replace('#', &number)))
    };
    match operator.as_str() {
        "EQ" => {
            let (path, value) = path_and_value(operand)?;
            equal(path, value, index)
        }
        "NEQ" => {
            let (path, value) = path_and_value(operand)?;
            Ok(format!("(-{})", equal(path, value, index)?))
        }
        "GT" => range("(#", "+inf"),
        "GTE" => range("#", "+inf"),
        "LT" => range("-inf", "(#"),
        "LTE" => range("-inf", "#"),
        "IN" => {
            let (path, values) = path_and_value(operand)?;
            let values = values.as_array().filter(|values| !values.is_empty());
            let values = values.ok_or_else(|| Error::invalid("query.filter: IN needs a list of values"))?;
            let each = values.iter().map(|value| equal(path, value, index)).collect::<Result<Vec<_>>>()?;
            Ok(format!("({})", each.join("|")))
        }
        "AND" => Ok(format!("({})", list(operand, index)?.join(" "))),
        "OR" => Ok(format!("({})", list(operand, index)?.join("|"))),
        other => Err(Error::invalid(format!(
            "query.filter: unknown operator {other}; known are EQ, NEQ, GT, GTE, LT, LTE, IN, AND, OR"
        ))),
    }
}

fn list(operand: &Value, index: &Index) -> Result<Vec<String>> {
    let parts = operand.as_array().filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| Error::invalid("query.filter: AND and OR need a list of conditions"))?;
    parts.iter().map(|part| read(part, index)).collect()
}

fn path_and_value(operand: &Value) -> Result<(&str, &Value)> {
    let single =
        operand.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
    let (path, value) =
        single.ok_or_else(|| Error::invalid("query.filter: an operator needs one path and its value"))?;
    Ok((path, value))
}

fn equal(path: &str, value: &Value, index: &Index) -> Result<String> {
    let (name, kind) = index.field(path)?;
    match value {
        Value::String(text) if kind.eq_ignore_ascii_case("TAG") => {
            Ok(format!("(@{name}:{{{}}})", escaped(text)))
        }
        Value::String(text) => Ok(format!("(@{name}:({}))", escaped(text))),
        Value::Number(number) => Ok(format!("(@{name}:[{number} {number}])")),
        _ => {
            Err(Error::invalid(format!("query.filter: `{path}` can be compared with texts and numbers only")))
        }
    }
}

/// Everything but letters, digits and blanks has a meaning in a search.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '_' | ' ') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

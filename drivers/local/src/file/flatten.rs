//! A tree of JSON as names and values: each name is the way to its value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Every value below `fields`, by the names and list indices on the way to it with `separator` between them. Text stays as
/// it is, numbers and truth values are written as in JSON, null is empty.
///
/// # Errors
/// When two ways give one name; the message tells it.
pub(super) fn flatten(
    fields: &Map<String, Value>,
    separator: &str,
) -> Result<BTreeMap<String, String>, String> {
    let mut flat = BTreeMap::new();
    for (name, value) in fields {
        put(&mut flat, name.clone(), value, separator)?;
    }
    Ok(flat)
}

fn put(
    flat: &mut BTreeMap<String, String>,
    name: String,
    value: &Value,
    separator: &str,
) -> Result<(), String> {
    let text = match value {
        Value::Object(fields) => {
            let below = |(step, value)| put(flat, format!("{name}{separator}{step}"), value, separator);
            return fields.iter().try_for_each(below);
        }
        Value::Array(elements) => {
            let below = |(step, value)| put(flat, format!("{name}{separator}{step}"), value, separator);
            return elements.iter().enumerate().try_for_each(below);
        }
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    if flat.contains_key(&name) {
        return Err(format!(
            "two entries give the secret `{name}`; rename one or set another nestedSeparator"
        ));
    }
    flat.insert(name, text);
    Ok(())
}

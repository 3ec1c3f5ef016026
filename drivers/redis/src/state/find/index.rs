//! An index of the property `queryIndexes`: which paths of a document it covers, and by which names.

use mecha_component::{Error, Result};
use redis::Cmd;
use serde_json::Value;

/// An index. Its fields are `var0`, `var1` ... in their order, as Dapr names them.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    path: String,
    kind: String,
}

/// Reads the property.
pub(super) fn list(text: &str) -> Result<Vec<Index>> {
    let wrong = |what: &str| Error::configuration(format!("queryIndexes: {what}"));
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(&format!("is not JSON: {error}")))?;
    let Value::Array(entries) = value else { return Err(wrong("must be a list of indexes")) };
    let mut indexes: Vec<Index> = Vec::with_capacity(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let name = text(entry, "name");
        if name.is_empty() {
            return Err(wrong(&format!("[{number}].name is missing")));
        }
        if indexes.iter().any(|index| index.name == name) {
            return Err(wrong(&format!("there are two indexes of the name `{name}`")));
        }
        let fields = entry.get("indexes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let fields = fields.iter().map(|field| Field { path: text(field, "key"), kind: text(field, "type") });
        let index = Index { name, fields: fields.collect() };
        if index.fields.is_empty()
            || index.fields.iter().any(|field| field.path.is_empty() || field.kind.is_empty())
        {
            return Err(wrong(&format!("`{}` needs indexes, each with a key and a type", index.name)));
        }
        indexes.push(index);
    }
    Ok(indexes)
}

impl Index {
    /// The name of the field that has `path`, and its type.
    ///
    /// # Errors
    /// When the index does not cover it.
    pub(super) fn field(&self, path: &str) -> Result<(String, &str)> {
        let found = self.fields.iter().enumerate().find(|(_, field)| field.path == path);
        let (number, field) = found.ok_or_else(|| {
            Error::invalid(format!(
                "JSON path `{path}` is not indexed: index `{}` has no such key",
                self.name
            ))
        })?;
        Ok((format!("var{number}"), &field.kind))
    }

    pub(super) fn create(&self) -> Cmd {
        let mut create = redis::cmd("FT.CREATE");
        create.arg(&self.name).arg("ON").arg("JSON").arg("SCHEMA");
        for (number, field) in self.fields.iter().enumerate() {
            create.arg(format!("$.data.{}", field.path)).arg("AS").arg(format!("var{number}"));
            create.arg(&field.kind).arg("SORTABLE");
        }
        create
    }

    pub(super) fn drop(&self) -> Cmd {
        let mut drop = redis::cmd("FT.DROPINDEX");
        drop.arg(&self.name);
        drop
    }
}

//! Named values: of components (`spec.metadata`) and of HTTP endpoints (`spec.headers`).

use mecha_config::runtime::{Property, PropertySource};
use mecha_document::{Node, Object};

/// The list under a key.
pub(super) fn properties(fields: &Object<'_>, key: &'static str) -> Vec<Property> {
    fields.each(key, property)
}

/// `{name, value | secretKeyRef {name, key} | envRef}`. As in Dapr, a secret wins over a value, and a value over a
/// variable. A value that is no string becomes its JSON.
fn property(node: Node<'_>) -> Option<Property> {
    let fields = node.object()?;
    let value = fields.get("value").map(Node::plain).filter(|value| !value.is_empty());
    let variable = fields.text("envRef");
    let secret = fields.object("secretKeyRef").and_then(|secret| {
        let key = secret.text("key").unwrap_or_default().to_owned();
        Some(PropertySource::Secret { name: secret.text("name")?.to_owned(), key })
    });
    let source = match (value, variable, secret) {
        (None, Some(variable), _) => PropertySource::Env(variable.to_owned()),
        (_, _, Some(secret)) => secret,
        (value, _, None) => PropertySource::Value(value.unwrap_or_default()),
    };
    let Some(name) = fields.text("name") else {
        node.error_with("this entry has no name", "set name");
        return None;
    };
    Some(Property { name: name.to_owned(), source })
}

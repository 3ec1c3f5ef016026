//! `spec.secrets.scopes`: which secrets of which store the application may read.

use mecha_config::runtime::settings::SecretScope;
use mecha_document::{Node, Object, shortened};

/// The scopes, each store once.
pub(super) fn scopes(fields: &Object<'_>) -> Vec<SecretScope> {
    let mut scopes: Vec<SecretScope> = Vec::new();
    for node in fields.list("scopes") {
        let Some(scope) = scope(node) else { continue };
        if scopes.iter().any(|other| other.store == scope.store) {
            node.error(format!(
                "\"{}\" storeName is repeated in secrets configuration",
                shortened(&scope.store)
            ));
        } else {
            scopes.push(scope);
        }
    }
    scopes
}

fn scope(node: Node<'_>) -> Option<SecretScope> {
    let fields = node.object()?;
    let name = |node: Node<'_>| node.string().map(str::to_owned);
    let deny_by_default = fields.text_at("defaultAccess").is_some_and(|(node, access)| {
        let deny = access.eq_ignore_ascii_case("deny");
        if !deny && !access.eq_ignore_ascii_case("allow") {
            node.error(format!("defaultAccess \"{}\" can be either allow or deny", shortened(access)));
        }
        deny
    });
    let (allowed, denied) = (fields.each("allowedSecrets", name), fields.each("deniedSecrets", name));
    let Some(store) = fields.text("storeName") else {
        node.error_with("this scope names no store", "set storeName");
        return None;
    };
    Some(SecretScope { store: store.to_owned(), deny_by_default, allowed, denied })
}

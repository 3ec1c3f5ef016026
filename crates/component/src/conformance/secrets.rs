//! The suite of secret stores. What a store holds is made outside, so the caller says what there is.

use std::sync::Arc;

use super::Report;
use crate::ErrorKind;
use crate::secrets::{DynSecretStore, Metadata, Secret};

/// What a name that is not there answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// [`ErrorKind::NotFound`].
    NotFound,
    /// An empty value under the name.
    Empty,
}

/// Holds `store`, which has the secrets `known`, to its promises.
///
/// # Panics
/// When it does not keep one.
pub async fn check(store: Arc<dyn DynSecretStore>, known: &[(&str, Secret)], missing: Missing) -> Report {
    let none = Metadata::new();
    for (name, secret) in known {
        let found = store.get(name, &none).await;
        assert!(found.as_ref() == Ok(secret), "[get] {name}: expected {} keys as given", secret.len());
    }
    let all = store.get_all(&none).await.unwrap_or_else(|error| panic!("[get-all] must succeed: {error}"));
    for (name, secret) in known {
        assert!(all.get(*name) == Some(secret), "[get-all] {name} must be among them as it is alone");
    }
    let name = "no-such-secret-in-the-store";
    match (store.get(name, &none).await, missing) {
        (Err(error), Missing::NotFound) if error.kind() == ErrorKind::NotFound => {
            assert!(error.message().contains(name), "[missing] the error must name the secret: {error}");
        }
        (Ok(secret), Missing::Empty) if secret == Secret::from([(name.to_owned(), String::new())]) => {}
        (other, _) => panic!("[missing] expected {missing:?}, found {:?}", other.map(|secret| secret.len())),
    }
    assert!(!all.contains_key(name), "[missing] what is not there is not listed");
    Report { ran: vec!["get", "get-all", "missing"], refused: Vec::new() }
}

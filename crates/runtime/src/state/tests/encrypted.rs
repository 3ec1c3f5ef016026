//! Encryption at rest: what the store gets to see, and what the application does.

use std::sync::Arc;

use mecha_component::state::{Operation, TransactionRequest};
use mecha_config::runtime::{Component, Property, PropertySource};

use super::{get, set, value};
use crate::Runtime;
use crate::state::StateRules;
use crate::testing::{self, Store, runtime_with_config};

/// Made with another implementation of AES-GCM: the keys 00 01 02 ..., the nonce 64 65 66 ..., the text `{"a":1}`.
const KNOWN: [(usize, &str); 3] = [
    (16, "ZGVmZ2hpamtsbW5vYUAvh+EzxXdnCEcTOWSshEHB0rzw2hM=||k"),
    (24, "ZGVmZ2hpamtsbW5vkkraXmiec0El5Wqv/9Km4dFxl0UTteY=||k"),
    (32, "ZGVmZ2hpamtsbW5vMzm/REPYK0fl52RVqE4Cl5UfOVAssNE=||k"),
];

fn hex(bytes: usize) -> String {
    (0..bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// A component with encryption keys: the property, the secret's name, the key.
fn component(keys: &[(&str, &str, &str)]) -> Component {
    let mut component = testing::component("statestore", "state.test", &[]);
    component.properties = keys
        .iter()
        .map(|(property, secret, key)| Property {
            name: (*property).to_owned(),
            source: PropertySource::Secret { name: (*secret).to_owned(), key: (*key).to_owned() },
        })
        .collect();
    component
}

fn encrypted(keys: &[(&str, &str, &str)]) -> (Arc<Runtime>, Arc<Store>) {
    runtime_with_config(testing::config(), Store::default(), component(keys))
}

#[tokio::test]
async fn what_was_written_elsewhere_is_read() {
    for (bytes, stored) in KNOWN {
        let (runtime, store) = encrypted(&[("primaryEncryptionKey", "k", &hex(bytes))]);
        store.put("orders||a", stored);
        assert_eq!(value(&runtime, "a").await.as_deref(), Some(r#"{"a":1}"#), "{bytes} bytes");
    }
}

#[tokio::test]
async fn the_store_sees_no_plain_value() {
    let (runtime, store) = encrypted(&[("primaryEncryptionKey", "mykey", &hex(32))]);
    let state = runtime.state("statestore").unwrap();
    state.save(vec![set("a", r#""secret""#)]).await.unwrap();
    state.save(vec![set("b", r#""secret""#), set("c", r#""secret""#)]).await.unwrap();
    let operations = vec![Operation::Upsert(set("d", r#""secret""#))];
    state.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap();
    for key in ["a", "b", "c", "d"] {
        let stored = store.stored(&format!("orders||{key}")).unwrap().value;
        let stored = std::str::from_utf8(&stored).unwrap();
        // 12 bytes of nonce, 8 of text, 16 of tag: 36 bytes are 48 characters of base64.
        assert_eq!(stored.len(), 48 + "||mykey".len(), "{stored}");
        assert!(stored.ends_with("||mykey"), "{stored}");
        assert_eq!(value(&runtime, key).await.as_deref(), Some(r#""secret""#));
    }
    let found = state.get_many(vec![get("a"), get("b")], 0).await.unwrap();
    assert!(found.iter().all(|entry| entry.item.as_ref().unwrap().as_ref().unwrap().value == r#""secret""#));
    assert_ne!(store.stored("orders||b").unwrap().value, store.stored("orders||c").unwrap().value);
}

#[tokio::test]
async fn the_second_key_only_reads() {
    let keys = [("primaryEncryptionKey", "new", &*hex(16)), ("secondaryEncryptionKey", "k", &*hex(32))];
    let (runtime, store) = encrypted(&keys);
    store.put("orders||a", KNOWN[2].1);
    assert_eq!(value(&runtime, "a").await.as_deref(), Some(r#"{"a":1}"#));
    runtime.state("statestore").unwrap().save(vec![set("a", "2")]).await.unwrap();
    assert!(store.stored("orders||a").unwrap().value.ends_with(b"||new"));
}

#[tokio::test]
async fn what_can_not_be_decrypted_is_an_error() {
    let (runtime, store) = encrypted(&[("primaryEncryptionKey", "k", &hex(32))]);
    let state = runtime.state("statestore").unwrap();
    let begin =
        "fail to get a from state store statestore: could not decrypt data for state store statestore: ";
    let cases = [
        ("plain", "encryption key name not found on record"),
        ("QUJD||", "encryption key name not found on record"),
        (
            "QUJD||other",
            "it was encrypted with the key `other`, which is neither primaryEncryptionKey nor secondaryEncryptionKey",
        ),
        ("QUJD||k", "the record is too short"),
        ("!||k", "the record is not base64"),
        (KNOWN[0].1, "the record was changed or written with another key"),
    ];
    for (stored, why) in cases {
        store.put("orders||a", stored);
        let error = state.get(get("a")).await.unwrap_err();
        assert_eq!((error.code(), error.message()), ("ERR_STATE_GET", &*format!("{begin}{why}")));
        let found = state.get_many(vec![get("a")], 0).await.unwrap();
        assert!(found[0].item.is_err(), "in bulk it is the key's own error");
    }
    let error = state.query(b"{}", Default::default()).await.unwrap_err();
    assert_eq!(error.message(), "state store statestore query failed: cannot query encrypted store");
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let refused = |component: &Component, key: &str| {
        let properties = [("primaryEncryptionKey", key)].into_iter().collect();
        let rules = StateRules::of(component, &properties, &testing::config().identity);
        rules.err().map(|error| error.message().to_owned()).unwrap_or_default()
    };
    let secret = component(&[("primaryEncryptionKey", "k", "")]);
    assert_eq!(refused(&secret, ""), "failed to extract encryption key: encryption key cannot be empty");
    assert_eq!(
        refused(&secret, "zz"),
        "failed to extract encryption key: the secret of primaryEncryptionKey is not hexadecimal"
    );
    assert_eq!(
        refused(&secret, "00"),
        "failed to extract encryption key: the secret of primaryEncryptionKey has 1 bytes; write 16, 24 or 32 in \
         hexadecimal"
    );
    let plain = testing::component("statestore", "state.test", &[("primaryEncryptionKey", "00")]);
    assert_eq!(
        refused(&plain, "00"),
        "failed to extract encryption key: secretKeyRef cannot be empty: primaryEncryptionKey must name a secret"
    );
}

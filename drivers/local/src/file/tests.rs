//! How files become secrets, and what is said about files that can't.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mecha_component::conformance::secrets::{Missing, check};

use super::*;

const SECRETS: &str = r#"{
    "conftestsecret": "abcd",
    "connectionStrings": {"sql": "one", "mysql": {"user": "two", "port": 3306, "tls": true}},
    "hosts": ["a", {"name": "b"}],
    "empty": null
}"#;

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("mecha-secrets-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    async fn open(&self, more: &[(&str, &str)]) -> Result<FileStore> {
        let path = self.0.to_string_lossy().into_owned();
        let all = [("secretsFile", path.as_str())].into_iter().chain(more.iter().copied());
        FileStore::open(&all.collect(), &Handle::current()).await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn secret(pairs: &[(&str, &str)]) -> Secret {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn conforms_with_one_value_for_each_secret() {
    let store = File::with(SECRETS).open(&[]).await.unwrap();
    assert!(!store.features().has(Feature::MultipleKeyValuesPerSecret));
    let known = [
        ("conftestsecret", "abcd"),
        ("connectionStrings:sql", "one"),
        ("connectionStrings:mysql:user", "two"),
        ("connectionStrings:mysql:port", "3306"),
        ("connectionStrings:mysql:tls", "true"),
        ("hosts:0", "a"),
        ("hosts:1:name", "b"),
        ("empty", ""),
    ];
    let known = known.map(|(name, value)| (name, secret(&[(name, value)])));
    check(Arc::new(store), &known, Missing::NotFound).await;
}

#[tokio::test]
async fn conforms_with_several_values_for_each_secret() {
    let store = File::with(SECRETS).open(&[("multiValued", "true")]).await.unwrap();
    assert!(store.features().has(Feature::MultipleKeyValuesPerSecret));
    let known = [
        ("conftestsecret", secret(&[("conftestsecret", "abcd")])),
        (
            "connectionStrings",
            secret(&[("sql", "one"), ("mysql:user", "two"), ("mysql:port", "3306"), ("mysql:tls", "true")]),
        ),
    ];
    check(Arc::new(store), &known, Missing::NotFound).await;
}

#[tokio::test]
async fn the_separator_can_be_another() {
    let store = File::with(SECRETS).open(&[("nestedSeparator", "__")]).await.unwrap();
    let found = SecretStore::get(&store, "connectionStrings__sql", &Metadata::new()).await;
    assert_eq!(found, Ok(secret(&[("connectionStrings__sql", "one")])));
}

#[tokio::test]
async fn errors_tell_the_place() {
    let error = FileStore::open(&Properties::default(), &Handle::current()).await.err().unwrap();
    assert_eq!(error.message(), "missing local secrets file in metadata");

    let properties = [("secretsFile", "/no/such/secrets.json")].into_iter().collect();
    let error = FileStore::open(&properties, &Handle::current()).await.err().unwrap();
    assert!(error.message().contains("/no/such/secrets.json: No such file"), "{error}");

    let error = File::with("{\n  \"a\": }").open(&[]).await.err().unwrap();
    assert!(error.message().contains("at line 2 column 8"), "{error}");

    let error = File::with("[]").open(&[]).await.err().unwrap();
    assert!(error.message().ends_with("must hold a JSON object with a field for each secret"), "{error}");

    let error = File::with(r#"{"a:b": "1", "a": {"b": "2"}}"#).open(&[]).await.err().unwrap();
    assert!(error.message().contains("two entries give the secret `a:b`"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

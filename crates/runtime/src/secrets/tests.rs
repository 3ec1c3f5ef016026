//! Secrets as the application may and may not read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mecha_component::secrets::{Metadata, Secret, SecretStore};
use mecha_component::{Error, ErrorKind, Properties, Result};
use mecha_config::runtime::settings::SecretScope;
use serde_json::json;

use crate::error::GrpcCode;
use crate::{Loaded, Runtime, testing};

/// Three secrets.
struct Vault;

impl SecretStore for Vault {
    async fn get(&self, name: &str, _: &Metadata) -> Result<Secret> {
        let all = self.get_all(&Metadata::new()).await?;
        all.get(name)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("secret {name} not found")))
    }

    async fn get_all(&self, metadata: &Metadata) -> Result<BTreeMap<String, Secret>> {
        if metadata.contains_key("broken") {
            return Err(Error::unavailable("sealed"));
        }
        Ok(["a", "b", "c"].map(|name| (name.to_owned(), Secret::from([(name.into(), "1".into())]))).into())
    }
}

fn runtime(scope: Option<SecretScope>) -> Arc<Runtime> {
    let mut config = testing::config();
    config.settings.secret_scopes.extend(scope);
    let runtime = testing::runtime_of(config, Default::default());
    let config = testing::component("vault", "secretstores.test", &[]);
    let loaded = Loaded { config, properties: Properties::default(), driver: Arc::new(Vault) as _ };
    runtime.components().change(|snapshot| {
        snapshot.secrets.insert("vault".into(), Arc::new(loaded));
    });
    runtime
}

/// What of `a`, `b` and `c` may be read one by one; all at once must show the same.
async fn readable(scope: SecretScope) -> Vec<String> {
    let runtime = runtime(Some(SecretScope { store: "vault".into(), ..scope }));
    let vault = runtime.secrets("vault").unwrap();
    let mut names = Vec::new();
    for name in ["a", "b", "c"] {
        match vault.get(name, &Metadata::new()).await {
            Ok(_) => names.push(name.to_owned()),
            Err(error) => assert_eq!(error.code(), "ERR_PERMISSION_DENIED"),
        }
    }
    let all: Vec<_> = vault.get_all(&Metadata::new()).await.unwrap().into_keys().collect();
    assert_eq!(all, names);
    names
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn scopes_decide_what_is_read() {
    let open = SecretScope::default();
    assert_eq!(readable(open.clone()).await, ["a", "b", "c"]);
    let closed = SecretScope { deny_by_default: true, ..open.clone() };
    assert_eq!(readable(closed.clone()).await, names(&[]));
    assert_eq!(readable(SecretScope { allowed: names(&["b"]), ..closed.clone() }).await, ["b"]);
    assert_eq!(readable(SecretScope { denied: names(&["b"]), ..open.clone() }).await, ["a", "c"]);
    assert_eq!(readable(SecretScope { denied: names(&["b"]), ..closed }).await, names(&[]));
    let both = SecretScope { allowed: names(&["a", "b"]), denied: names(&["b"]), ..open };
    assert_eq!(readable(both).await, ["a", "b"], "an allowed secret is not asked for in the other list");
}

#[tokio::test]
async fn errors_are_those_of_the_catalogue() {
    let bare = testing::runtime_of(testing::config(), Default::default());
    let error = bare.secrets("vault").err().unwrap();
    let body = json!({
        "errorCode": "ERR_SECRET_STORES_NOT_CONFIGURED", "message": "secret store is not configured",
    });
    assert_eq!((error.http(), error.grpc(), error.to_json()), (500, GrpcCode::FailedPrecondition, body));

    let scope = SecretScope { store: "vault".into(), denied: names(&["b"]), ..Default::default() };
    let runtime = runtime(Some(scope));
    let error = runtime.secrets("safe").err().unwrap();
    let body = json!({
        "errorCode": "ERR_SECRET_STORE_NOT_FOUND", "message": "failed finding secret store with key safe",
    });
    assert_eq!((error.http(), error.grpc(), error.to_json()), (401, GrpcCode::InvalidArgument, body));

    let vault = runtime.secrets("vault").unwrap();
    let error = vault.get("b", &Metadata::new()).await.unwrap_err();
    let body = json!({
        "errorCode": "ERR_PERMISSION_DENIED", "message": r#"access denied by policy to get "b" from "vault""#,
    });
    assert_eq!((error.http(), error.grpc(), error.to_json()), (403, GrpcCode::PermissionDenied, body));

    let error = vault.get("x", &Metadata::new()).await.unwrap_err();
    let body = json!({
        "errorCode": "ERR_SECRET_GET",
        "message": "failed getting secret with key x from secret store vault: secret x not found",
    });
    assert_eq!((error.http(), error.grpc(), error.to_json()), (500, GrpcCode::Internal, body));

    let broken = Metadata::from([("broken".into(), String::new())]);
    let error = vault.get_all(&broken).await.unwrap_err();
    let body = json!({
        "errorCode": "ERR_SECRET_GET", "message": "failed getting secrets from secret store vault: sealed",
    });
    assert_eq!((error.http(), error.to_json()), (500, body));
}

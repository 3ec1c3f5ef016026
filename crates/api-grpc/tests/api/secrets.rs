//! Secrets over gRPC.

use dapr::dapr::proto::runtime::v1 as pb;
use mecha_config::runtime::settings::SecretScope;
use tonic::Code;

use crate::kit::Sidecar;

fn get(store: &str, key: &str) -> pb::GetSecretRequest {
    pb::GetSecretRequest { store_name: store.to_owned(), key: key.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_secret_is_read_by_itself_and_among_all() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    let secret = client.get_secret(get("vault", "db")).await.unwrap().into_inner().data;
    assert_eq!((secret["user"].as_str(), secret["password"].as_str()), ("me", "1234"));
    let request = pb::GetBulkSecretRequest { store_name: "vault".to_owned(), ..Default::default() };
    let all = client.get_bulk_secret(request).await.unwrap().into_inner().data;
    assert_eq!(all["db"].secrets, secret);
    assert_eq!(client.get_secret(get("safe", "db")).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_scope_keeps_secrets_from_the_application() {
    let sidecar = Sidecar::with(|config| {
        let scope = SecretScope { store: "vault".to_owned(), deny_by_default: true, ..Default::default() };
        config.settings.secret_scopes.push(scope);
    })
    .await;
    let refused = sidecar.client().get_secret(get("vault", "db")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

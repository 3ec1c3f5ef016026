//! Metadata and the wish for the end, over gRPC.

use dapr::dapr::proto::runtime::v1 as pb;
use mecha_runtime::shutdown::Wish;

use crate::kit::{Sidecar, soon};

#[tokio::test]
async fn metadata_shows_what_runs_and_what_was_set() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    let request = pb::SetMetadataRequest { key: "team".to_owned(), value: "blue".to_owned() };
    client.set_metadata(request).await.unwrap();
    let metadata = client.get_metadata(pb::GetMetadataRequest {}).await.unwrap().into_inner();
    assert_eq!((metadata.id.as_str(), metadata.runtime_version.as_str()), ("orders", "1.18.3"));
    assert_eq!(metadata.extended_metadata["team"], "blue");
    let store =
        metadata.registered_components.iter().find(|component| component.name == "statestore").unwrap();
    assert_eq!((store.r#type.as_str(), store.version.as_str()), ("state.in-memory", "v1"));
    assert!(store.capabilities.contains(&"ETAG".to_owned()), "{:?}", store.capabilities);
    assert_eq!(metadata.app_connection_properties.unwrap().channel_address, "127.0.0.1");
}

#[tokio::test]
async fn the_end_is_asked_for() {
    let sidecar = Sidecar::new().await;
    sidecar.client().shutdown(pb::ShutdownRequest {}).await.unwrap();
    assert_eq!(soon(sidecar.runtime.shutdown().wanted(Wish::None)).await, Wish::Graceful);
}

//! Server reflection, as tools ask for it.

use futures_util::stream;
use prost::Message;
use prost_types::FileDescriptorProto;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::kit::{Sidecar, soon};

async fn ask(sidecar: &Sidecar, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(sidecar.router());
    let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
    let answer: ServerReflectionResponse = soon(answers.message()).await.unwrap().unwrap();
    answer.message_response.unwrap()
}

#[tokio::test]
async fn the_service_and_its_descriptors_are_told() {
    let sidecar = Sidecar::new().await;
    let MessageResponse::ListServicesResponse(listed) =
        ask(&sidecar, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list of services")
    };
    assert!(listed.service.iter().any(|service| service.name == "dapr.proto.runtime.v1.Dapr"));

    let symbol = MessageRequest::FileContainingSymbol("dapr.proto.runtime.v1.Dapr".to_owned());
    let MessageResponse::FileDescriptorResponse(found) = ask(&sidecar, symbol).await else {
        panic!("no descriptor")
    };
    let file = FileDescriptorProto::decode(&*found.file_descriptor_proto[0]).unwrap();
    let methods: Vec<_> =
        file.service.iter().flat_map(|service| &service.method).map(|it| it.name()).collect();
    assert!(methods.contains(&"GetState"), "{methods:?}");
}

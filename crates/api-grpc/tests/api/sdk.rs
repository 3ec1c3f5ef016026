//! Dapr's Rust SDK as it is: its client against the API behind a socket, its callback service as the application.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use dapr::Client;
use dapr::appcallback::{AppCallbackService, Handler, HandlerMethod, TopicEventRequest, TopicEventResponse};
use dapr::client::{AppApiTokenLayer, ClientOptions, TonicClientWithAuth};
use dapr::dapr::proto::common::v1::state_options::{StateConcurrency, StateConsistency};
use dapr::dapr::proto::common::v1::{Etag, StateItem, StateOptions};
use dapr::dapr::proto::runtime::v1::app_callback_server::AppCallbackServer;
use dapr::dapr::proto::runtime::v1::topic_event_response::TopicEventResponseStatus as Verdict;
use prost_types::Any;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Response, Status};

use crate::app::App;
use crate::kit::{Sidecar, soon};

const STORE: &str = "statestore";

/// A client with or without a token; what the environment says is nothing to it.
async fn client(sidecar: &Sidecar, token: Option<&str>) -> Client<TonicClientWithAuth> {
    let options = ClientOptions::new().with_address(sidecar.serve().await);
    let options = match token {
        Some(token) => options.with_api_token(token),
        None => options.without_api_token(),
    };
    soon(Client::from_options(options)).await.unwrap()
}

#[tokio::test]
async fn state_is_kept_guarded_by_its_etag_and_deleted() {
    let mut client = client(&Sidecar::new().await, None).await;
    soon(client.save_state(STORE, "a", b"1".to_vec(), None, None, None)).await.unwrap();
    let first = soon(client.get_state(STORE, "a", None)).await.unwrap();
    assert_eq!(first.data, b"1");

    let guarded = |etag: &str| {
        let options = StateOptions {
            concurrency: StateConcurrency::ConcurrencyFirstWrite as i32,
            consistency: StateConsistency::ConsistencyStrong as i32,
        };
        (Some(Etag { value: etag.to_owned() }), Some(options))
    };
    let (etag, options) = guarded(&first.etag);
    soon(client.save_state(STORE, "a", b"2".to_vec(), etag, None, options)).await.unwrap();
    let (etag, options) = guarded(&first.etag);
    let refused = soon(client.save_state(STORE, "a", b"3".to_vec(), etag, None, options)).await.unwrap_err();
    assert!(refused.to_string().contains("Aborted"), "{refused}");
    assert_eq!(soon(client.get_state(STORE, "a", None)).await.unwrap().data, b"2");

    let items = vec![StateItem::from(("b", b"4".to_vec())), StateItem::from(("c", b"5".to_vec()))];
    soon(client.save_bulk_states(STORE, items)).await.unwrap();
    soon(client.delete_state(STORE, "a", None)).await.unwrap();
    soon(client.delete_bulk_state(STORE, [("b", Vec::new())])).await.unwrap();
    for (key, left) in [("a", ""), ("b", ""), ("c", "5")] {
        let state = soon(client.get_state(STORE, key, None)).await.unwrap();
        assert_eq!(state.data, left.as_bytes(), "{key}");
    }
    let missing = soon(client.get_state("nowhere", "a", None)).await.unwrap_err();
    assert!(missing.to_string().contains("state store nowhere is not found"), "{missing}");
}

/// Tells what comes and wants it again the first time.
struct Wavering(mpsc::UnboundedSender<TopicEventRequest>, AtomicBool);

#[tonic::async_trait]
impl HandlerMethod for Wavering {
    async fn handler(&self, event: TopicEventRequest) -> Result<Response<TopicEventResponse>, Status> {
        self.0.send(event).unwrap();
        let seen = self.1.swap(true, Ordering::Relaxed);
        let status = if seen { Verdict::Success } else { Verdict::Retry };
        Ok(Response::new(TopicEventResponse { status: status as i32 }))
    }
}

#[tokio::test]
async fn the_callback_service_says_what_it_wants_and_gets_it() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = Box::new(Wavering(tell, Default::default()));
    let mut service = AppCallbackService::new();
    service.add_handler(Handler { pub_sub_name: "pubsub".to_owned(), topic: "orders".to_owned(), handler });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = Server::builder()
        .layer(AppApiTokenLayer::new(Some("of-the-app".to_owned())))
        .add_service(AppCallbackServer::new(service));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(socket)));

    let sidecar = Sidecar::before(address, |config| config.app.token = Some("of-the-app".to_owned())).await;
    soon(sidecar.runtime.start_subscriptions()).await;
    let metadata = HashMap::from([("cloudevent.id".to_owned(), "seven".to_owned())]);
    let mut client = client(&sidecar, None).await;
    let data = br#"{"id":7}"#.to_vec();
    soon(client.publish_event("pubsub", "orders", "application/json", data.clone(), Some(metadata)))
        .await
        .unwrap();
    for delivery in ["at first", "again"] {
        let event = soon(told.recv()).await.unwrap();
        assert_eq!(
            (event.id.as_str(), event.data, event.source.as_str()),
            ("seven", data.clone(), "orders"),
            "{delivery}"
        );
    }
    let listed = soon(client.get_metadata()).await.unwrap().subscriptions;
    assert_eq!((listed[0].pubsub_name.as_str(), listed[0].topic.as_str()), ("pubsub", "orders"));
    soon(sidecar.runtime.stop_subscriptions()).await;
}

#[tokio::test]
async fn a_method_is_invoked() {
    let app = App::start().await;
    let sidecar = Sidecar::before(app.address, |_| ()).await;
    let mut client = client(&sidecar, None).await;
    let data = Any { value: b"7".to_vec(), type_url: String::new() };
    let answer = soon(client.invoke_service("orders", "place", Some(data))).await.unwrap();
    assert_eq!(answer.data.unwrap().value, b"got 7");
    assert_eq!(app.told.invoked.lock().pop().unwrap().0.method, "place");
    let refused = soon(client.invoke_service("orders", "missing", None)).await.unwrap_err();
    assert!(refused.to_string().contains("no such order"), "{refused}");
}

#[tokio::test]
async fn secrets_and_metadata_are_read() {
    let sidecar = Sidecar::new().await;
    let mut client = client(&sidecar, None).await;
    let secret = soon(client.get_secret("vault", "db")).await.unwrap().data;
    assert_eq!(secret["password"], "1234");
    let all = soon(client.get_bulk_secret("vault", None)).await.unwrap().data;
    assert_eq!(all["db"].secrets, secret);

    soon(client.set_metadata("team", "blue")).await.unwrap();
    let metadata = soon(client.get_metadata()).await.unwrap();
    assert_eq!((metadata.id.as_str(), metadata.extended_metadata["team"].as_str()), ("orders", "blue"));
    assert!(metadata.registered_components.iter().any(|component| component.name == STORE));
}

#[tokio::test]
async fn a_client_shows_its_token() {
    let sidecar = Sidecar::with(|config| config.apis.token = Some("of-the-api".to_owned())).await;
    let refused = soon(client(&sidecar, Some("another")).await.get_metadata()).await.unwrap_err();
    assert!(refused.to_string().contains("Unauthenticated"), "{refused}");
    soon(client(&sidecar, Some("of-the-api")).await.get_metadata()).await.unwrap();
}

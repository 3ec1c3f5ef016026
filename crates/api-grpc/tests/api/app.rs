//! An application that serves gRPC: it answers calls by what they say and keeps what it was told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use dapr::dapr::proto::common::v1::{InvokeRequest, InvokeResponse};
use dapr::dapr::proto::runtime::v1 as pb;
use parking_lot::Mutex;
use pb::app_callback_alpha_server::{AppCallbackAlpha, AppCallbackAlphaServer};
use pb::app_callback_health_check_server::{AppCallbackHealthCheck, AppCallbackHealthCheckServer};
use pb::app_callback_server::{AppCallback, AppCallbackServer};
use pb::topic_event_response::TopicEventResponseStatus as Verdict;
use prost_types::Any;
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

/// What an application was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) invoked: Mutex<Vec<(InvokeRequest, MetadataMap)>>,
    pub(crate) events: Mutex<Vec<(pb::TopicEventRequest, MetadataMap)>>,
    pub(crate) bulks: Mutex<Vec<pb::TopicEventBulkRequest>>,
    pub(crate) checks: Mutex<Vec<MetadataMap>>,
}

/// An application that runs until it is dropped.
pub(crate) struct App {
    pub(crate) told: Arc<Told>,
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let told = Arc::<Told>::default();
        let server = Server::builder()
            .add_service(AppCallbackServer::from_arc(Arc::new(Face(told.clone()))))
            .add_service(AppCallbackAlphaServer::new(Face(told.clone())))
            .add_service(AppCallbackHealthCheckServer::new(Face(told.clone())));
        let serve = server.serve_with_incoming(TcpIncoming::from(socket));
        let task = tokio::spawn(async move { serve.await.unwrap() });
        App { told, address, task }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Face(Arc<Told>);

#[tonic::async_trait]
impl AppCallback for Face {
    /// Answers with its data, or by an error of the name of the method.
    async fn on_invoke(&self, request: Request<InvokeRequest>) -> Result<Response<InvokeResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.0.invoked.lock().push((message.clone(), metadata));
        if message.method == "missing" {
            return Err(Status::with_details(
                Code::NotFound,
                "no such order",
                bytes::Bytes::from_static(b"\x08\x05"),
            ));
        }
        let data = message.data.unwrap_or_default();
        let data = Any { value: [b"got ".to_vec(), data.value].concat(), type_url: data.type_url };
        let mut response =
            Response::new(InvokeResponse { data: Some(data), content_type: "text/plain".to_owned() });
        response.metadata_mut().insert("x-answer", "yes".parse().unwrap());
        Ok(response)
    }

    async fn list_topic_subscriptions(
        &self,
        _: Request<()>,
    ) -> Result<Response<pb::ListTopicSubscriptionsResponse>, Status> {
        let plain = pb::TopicSubscription {
            pubsub_name: "pubsub".to_owned(),
            topic: "plain".to_owned(),
            ..Default::default()
        };
        let rule = pb::TopicRule { r#match: "event.type == 'a'".to_owned(), path: "/a".to_owned() };
        let routed = pb::TopicSubscription {
            pubsub_name: "pubsub".to_owned(),
            topic: "routed".to_owned(),
            metadata: HashMap::from([("rawPayload".to_owned(), "true".to_owned())]),
            routes: Some(pb::TopicRoutes { rules: vec![rule], default: "/rest".to_owned() }),
            dead_letter_topic: "dead".to_owned(),
            bulk_subscribe: Some(pb::BulkSubscribeConfig {
                enabled: true,
                max_messages_count: 7,
                max_await_duration_ms: 0,
            }),
        };
        Ok(Response::new(pb::ListTopicSubscriptionsResponse { subscriptions: vec![plain, routed] }))
    }

    /// Answers by what the path names.
    async fn on_topic_event(
        &self,
        request: Request<pb::TopicEventRequest>,
    ) -> Result<Response<pb::TopicEventResponse>, Status> {
        let (metadata, _, event) = request.into_parts();
        let status = match event.path.as_str() {
            "/retry" => Verdict::Retry as i32,
            "/drop" => Verdict::Drop as i32,
            "/strange" => 9,
            "/unimplemented" => return Err(Status::unimplemented("not here")),
            "/broken" => return Err(Status::unavailable("broken")),
            _ => Verdict::Success as i32,
        };
        self.0.events.lock().push((event, metadata));
        Ok(Response::new(pb::TopicEventResponse { status }))
    }

    async fn list_input_bindings(
        &self,
        _: Request<()>,
    ) -> Result<Response<pb::ListInputBindingsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn on_binding_event(
        &self,
        _: Request<pb::BindingEventRequest>,
    ) -> Result<Response<pb::BindingEventResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    /// Not here: this application knows the older method.
    async fn on_bulk_topic_event(
        &self,
        _: Request<pb::TopicEventBulkRequest>,
    ) -> Result<Response<pb::TopicEventBulkResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn on_job_event(
        &self,
        _: Request<pb::JobEventRequest>,
    ) -> Result<Response<pb::JobEventResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl AppCallbackAlpha for Face {
    /// Wants every second entry again, and says nothing of the last.
    async fn on_bulk_topic_event_alpha1(
        &self,
        request: Request<pb::TopicEventBulkRequest>,
    ) -> Result<Response<pb::TopicEventBulkResponse>, Status> {
        let request = request.into_inner();
        let told = request.entries.len().saturating_sub(1);
        let verdicts = [Verdict::Success, Verdict::Retry].into_iter().cycle();
        let statuses = request.entries.iter().take(told).zip(verdicts);
        let statuses = statuses.map(|(entry, verdict)| pb::TopicEventBulkResponseEntry {
            entry_id: entry.entry_id.clone(),
            status: verdict as i32,
        });
        let response = pb::TopicEventBulkResponse { statuses: statuses.collect() };
        self.0.bulks.lock().push(request);
        Ok(Response::new(response))
    }

    async fn on_job_event_alpha1(
        &self,
        _: Request<pb::JobEventRequest>,
    ) -> Result<Response<pb::JobEventResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl AppCallbackHealthCheck for Face {
    async fn health_check(&self, request: Request<()>) -> Result<Response<pb::HealthCheckResponse>, Status> {
        self.0.checks.lock().push(request.metadata().clone());
        Ok(Response::new(pb::HealthCheckResponse {}))
    }
}

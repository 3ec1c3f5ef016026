//! Publishing, and subscriptions that are streams.

use dapr::dapr::proto::runtime::v1 as pb;
use futures_util::Stream;
use futures_util::stream::unfold;
use pb::subscribe_topic_events_request_alpha1::SubscribeTopicEventsRequestType as Asked;
use pb::subscribe_topic_events_response_alpha1::SubscribeTopicEventsResponseType as Told;
use pb::topic_event_response::TopicEventResponseStatus as Verdict;
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use crate::kit::{Sidecar, error_info, soon};

fn publish(data: &str, kind: &str) -> pb::PublishEventRequest {
    pb::PublishEventRequest {
        pubsub_name: "pubsub".to_owned(),
        topic: "orders".to_owned(),
        data: data.as_bytes().to_vec(),
        data_content_type: kind.to_owned(),
        ..Default::default()
    }
}

/// A stream as a client has it.
struct Subscriber {
    ask: mpsc::UnboundedSender<Asked>,
    told: Streaming<pb::SubscribeTopicEventsResponseAlpha1>,
}

impl Subscriber {
    async fn open(sidecar: &Sidecar, first: Asked) -> Result<Self, Status> {
        let (ask, asked) = mpsc::unbounded_channel();
        ask.send(first).unwrap();
        let told = sidecar.client().subscribe_topic_events_alpha1(requests(asked)).await?.into_inner();
        Ok(Subscriber { ask, told })
    }

    async fn on(sidecar: &Sidecar, topic: &str) -> Self {
        let mut subscriber = Self::open(sidecar, initial("pubsub", topic)).await.unwrap();
        let first = soon(subscriber.told.message()).await.unwrap().unwrap();
        assert!(matches!(first.subscribe_topic_events_response_type, Some(Told::InitialResponse(_))));
        subscriber
    }

    async fn event(&mut self) -> pb::TopicEventRequest {
        let message = soon(self.told.message()).await.unwrap().unwrap();
        let Some(Told::EventMessage(event)) = message.subscribe_topic_events_response_type else {
            unreachable!("{message:?} instead of an event")
        };
        event
    }

    fn settle(&self, id: &str, verdict: Verdict) {
        let status = Some(pb::TopicEventResponse { status: verdict as i32 });
        let processed = pb::SubscribeTopicEventsRequestProcessedAlpha1 { id: id.to_owned(), status };
        self.ask.send(Asked::EventProcessed(processed)).unwrap();
    }
}

fn initial(pubsub: &str, topic: &str) -> Asked {
    Asked::InitialRequest(pb::SubscribeTopicEventsRequestInitialAlpha1 {
        pubsub_name: pubsub.to_owned(),
        topic: topic.to_owned(),
        ..Default::default()
    })
}

fn requests(
    asked: mpsc::UnboundedReceiver<Asked>,
) -> impl Stream<Item = pb::SubscribeTopicEventsRequestAlpha1> + Send + 'static {
    unfold(asked, |mut asked| async {
        let kind = asked.recv().await?;
        let message =
            pb::SubscribeTopicEventsRequestAlpha1 { subscribe_topic_events_request_type: Some(kind) };
        Some((message, asked))
    })
}

#[tokio::test]
async fn a_stream_gets_what_is_published_and_again_what_it_wants_again() {
    let sidecar = Sidecar::new().await;
    let mut subscriber = Subscriber::on(&sidecar, "orders").await;
    let mut request = publish(r#"{"id":7}"#, "application/json");
    request.metadata.insert("cloudevent.id".to_owned(), "seven".to_owned());
    sidecar.client().publish_event(request).await.unwrap();
    let event = subscriber.event().await;
    assert_eq!(
        (event.id.as_str(), event.source.as_str(), event.topic.as_str()),
        ("seven", "orders", "orders")
    );
    assert_eq!((event.r#type.as_str(), event.spec_version.as_str()), ("com.dapr.event.sent", "1.0"));
    assert_eq!(
        (event.pubsub_name.as_str(), event.data_content_type.as_str()),
        ("pubsub", "application/json")
    );
    assert_eq!(event.data, br#"{"id":7}"#);
    let extensions = event.extensions.unwrap().fields;
    assert!(extensions.contains_key("traceparent") && extensions.contains_key("time"), "{extensions:?}");
    assert!(!extensions.contains_key("data") && !extensions.contains_key("specversion"), "{extensions:?}");

    subscriber.settle("seven", Verdict::Retry);
    assert_eq!(subscriber.event().await.id, "seven", "it comes again");
    subscriber.settle("seven", Verdict::Success);
    sidecar.client().publish_event(publish("text", "text/plain")).await.unwrap();
    let next = subscriber.event().await;
    assert_eq!(next.data, b"text", "what was settled does not come again");
}

#[tokio::test]
async fn a_stream_over_a_socket_ends_when_its_client_goes() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.connected().await;
    let (ask, asked) = mpsc::unbounded_channel();
    ask.send(initial("pubsub", "orders")).unwrap();
    let told = soon(client.subscribe_topic_events_alpha1(requests(asked))).await.unwrap().into_inner();
    let mut subscriber = Subscriber { ask, told };
    soon(subscriber.told.message()).await.unwrap().unwrap();
    soon(client.publish_event(publish("over a socket", "text/plain"))).await.unwrap();
    let event = subscriber.event().await;
    assert_eq!(event.data, b"over a socket");
    subscriber.settle(&event.id, Verdict::Success);
    let refused = soon(client.publish_event(pb::PublishEventRequest::default())).await.unwrap_err();
    assert_eq!(error_info(&refused).reason, "DAPR_PUBSUB_NAME_EMPTY", "details come in trailers too");
    drop((subscriber, client));
    soon(async {
        while !sidecar.runtime.subscriptions().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_stay_bytes() {
    let sidecar = Sidecar::new().await;
    let mut subscriber = Subscriber::on(&sidecar, "orders").await;
    let request =
        pb::PublishEventRequest { data: vec![0, 159, 255], ..publish("", "application/octet-stream") };
    sidecar.client().publish_event(request).await.unwrap();
    assert_eq!(subscriber.event().await.data, [0, 159, 255]);
}

#[tokio::test]
async fn a_bulk_is_delivered_one_by_one() {
    let sidecar = Sidecar::new().await;
    let mut subscriber = Subscriber::on(&sidecar, "orders").await;
    let entry = |id: &str| pb::BulkPublishRequestEntry {
        entry_id: id.to_owned(),
        event: id.as_bytes().to_vec(),
        content_type: "text/plain".to_owned(),
        ..Default::default()
    };
    let request = |entries| pb::BulkPublishRequest {
        pubsub_name: "pubsub".to_owned(),
        topic: "orders".to_owned(),
        entries,
        ..Default::default()
    };
    let answer = sidecar.client().bulk_publish_event(request(vec![entry("a"), entry("b")])).await.unwrap();
    assert_eq!(answer.into_inner().failed_entries, []);
    let mut got = Vec::new();
    for _ in 0..2 {
        let event = subscriber.event().await;
        subscriber.settle(&event.id, Verdict::Success);
        got.push(String::from_utf8(event.data).unwrap());
    }
    got.sort();
    assert_eq!(got, ["a", "b"]);
    #[expect(deprecated, reason = "older clients use the older name")]
    let twice = sidecar.client().bulk_publish_event_alpha1(request(vec![entry("a"), entry("a")])).await;
    assert!(twice.is_err(), "ids must differ");
}

#[tokio::test]
async fn a_stream_that_breaks_the_protocol_is_ended() {
    let sidecar = Sidecar::new().await;
    let mut subscriber = Subscriber::on(&sidecar, "orders").await;
    subscriber.ask.send(initial("pubsub", "others")).unwrap();
    let ended = soon(subscriber.told.message()).await.unwrap_err();
    assert_eq!(ended.message(), "duplicate initial request received");

    let early = Asked::EventProcessed(pb::SubscribeTopicEventsRequestProcessedAlpha1::default());
    let refused = Subscriber::open(&sidecar, early).await.err().unwrap();
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "initial request is required"));
}

#[tokio::test]
async fn a_stream_on_nothing_is_refused() {
    let sidecar = Sidecar::new().await;
    let refused = Subscriber::open(&sidecar, initial("nowhere", "orders")).await.err().unwrap();
    assert_eq!(error_info(&refused).reason, "DAPR_PUBSUB_NOT_FOUND");
    assert!(Subscriber::open(&sidecar, initial("pubsub", "")).await.is_err());
    let refused = sidecar.client().publish_event(pb::PublishEventRequest::default()).await.unwrap_err();
    assert_eq!(error_info(&refused).reason, "DAPR_PUBSUB_NAME_EMPTY");
}

#[tokio::test]
async fn a_stream_ends_with_its_client_and_with_the_runtime() {
    let sidecar = Sidecar::new().await;
    let listed = || sidecar.runtime.subscriptions().len();
    let subscriber = Subscriber::on(&sidecar, "orders").await;
    assert_eq!(listed(), 1);
    drop(subscriber);
    assert_eq!(listed(), 0, "dropping the call ends the subscription");

    let Subscriber { ask, mut told } = Subscriber::on(&sidecar, "orders").await;
    drop(ask);
    assert!(soon(told.message()).await.unwrap().is_none(), "the client has said its last");

    let mut subscriber = Subscriber::on(&sidecar, "orders").await;
    soon(sidecar.runtime.close_subscriptions()).await;
    assert_eq!(soon(subscriber.told.message()).await.unwrap_err().code(), Code::Unavailable);
}

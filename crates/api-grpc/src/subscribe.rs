//! `SubscribeTopicEventsAlpha1` (reference 2.1): a subscription as long as the call is open. Events go out as the client
//! takes them; what it says about each is read beside that, so that a client which reads slowly is not kept waiting for
//! its own verdicts.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};
use mecha_runtime::Runtime;
use mecha_runtime::channel::Verdict;
use mecha_runtime::pubsub::{StreamAcks, StreamEvent, StreamSubscription};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, Streaming};

use crate::channel::event;
use crate::dispatch::Answer;
use crate::proto::{ordered, pb};
use crate::status::refuse;
use pb::subscribe_topic_events_request_alpha1::SubscribeTopicEventsRequestType as Asked;
use pb::subscribe_topic_events_response_alpha1::SubscribeTopicEventsResponseType as Told;

type Events = BoxStream<'static, Result<pb::SubscribeTopicEventsResponseAlpha1, Status>>;

pub(crate) async fn subscribe(
    runtime: Arc<Runtime>,
    request: Request<Streaming<pb::SubscribeTopicEventsRequestAlpha1>>,
) -> Answer<Events> {
    let mut asked = request.into_inner();
    let wish = initial(&mut asked).await?;
    let metadata = ordered(wish.metadata);
    let subscribed =
        runtime.subscribe_stream(&wish.pubsub_name, &wish.topic, metadata, wish.dead_letter_topic).await;
    let subscription = subscribed.map_err(|error| refuse(&runtime, &error))?;
    tracing::info!("Subscribing to pubsub '{}' topic '{}'", wish.pubsub_name, wish.topic);
    let (tell, ended) = oneshot::channel();
    let acks = subscription.acks();
    let reader = tokio::spawn(async move {
        // Nobody is there to be told when the call is over already.
        let _ = tell.send(read(asked, &acks).await);
    });
    let begin = Told::InitialResponse(pb::SubscribeTopicEventsResponseInitialAlpha1 {});
    let open = Open { subscription, ended, _reader: AbortOnDropHandle::new(reader) };
    let events = stream::once(std::future::ready(Ok(told(begin)))).chain(stream::unfold(Some(open), step));
    Ok(Response::new(events.boxed()))
}

async fn initial(
    asked: &mut Streaming<pb::SubscribeTopicEventsRequestAlpha1>,
) -> Result<pb::SubscribeTopicEventsRequestInitialAlpha1, Status> {
    let first = asked.message().await?.and_then(|message| message.subscribe_topic_events_request_type);
    match first {
        Some(Asked::InitialRequest(wish)) => Ok(wish),
        _ => Err(Status::invalid_argument("initial request is required")),
    }
}

/// A subscription that goes on; dropped with the call's response.
struct Open {
    subscription: StreamSubscription,
    /// How the client's half ended.
    ended: oneshot::Receiver<Result<(), Status>>,
    _reader: AbortOnDropHandle<()>,
}

/// The next event for the client, and nothing after what ends the stream.
async fn step(
    open: Option<Open>,
) -> Option<(Result<pb::SubscribeTopicEventsResponseAlpha1, Status>, Option<Open>)> {
    let mut open = open?;
    loop {
        tokio::select! {
            ended = &mut open.ended => return match ended {
                Ok(Ok(())) | Err(_) => None,
                Ok(Err(status)) => Some((Err(status), None)),
            },
            next = open.subscription.next() => match next {
                None => {
                    let status = Status::unavailable("the runtime has ended the subscription");
                    return Some((Err(status), None));
                }
                Some(event) => if let Some(message) = message(&open.subscription, event) {
                    return Some((Ok(message), Some(open)));
                },
            },
        }
    }
}

/// An event as the client gets it. One that can't be put in its form is delivered again later: its policy and
/// dead-letter topic decide what becomes of it.
fn message(
    subscription: &StreamSubscription,
    StreamEvent { id, event }: StreamEvent,
) -> Option<pb::SubscribeTopicEventsResponseAlpha1> {
    match event::request(&event) {
        Ok(mut request) => {
            request.id = id;
            Some(told(Told::EventMessage(request)))
        }
        Err(error) => {
            tracing::warn!("event {id} of topic {} can't be delivered: {error}", event.topic);
            subscription.processed(&id, Verdict::Retry);
            None
        }
    }
}

/// Reads verdicts until the client has said its last.
async fn read(
    mut asked: Streaming<pb::SubscribeTopicEventsRequestAlpha1>,
    acks: &StreamAcks,
) -> Result<(), Status> {
    while let Some(message) = asked.message().await? {
        match message.subscribe_topic_events_request_type {
            Some(Asked::EventProcessed(processed)) => {
                let status = processed.status.unwrap_or_default().status;
                // What nobody defined counts as a wish to see it again.
                let verdict = event::verdict(status).unwrap_or(Verdict::Retry);
                if !acks.processed(&processed.id, verdict) {
                    tracing::debug!("no event waits for a verdict by the id {}", processed.id);
                }
            }
            Some(Asked::InitialRequest(_)) => {
                return Err(Status::invalid_argument("duplicate initial request received"));
            }
            None => return Err(Status::invalid_argument("a message of the stream says nothing")),
        }
    }
    Ok(())
}

fn told(kind: Told) -> pb::SubscribeTopicEventsResponseAlpha1 {
    pb::SubscribeTopicEventsResponseAlpha1 { subscribe_topic_events_response_type: Some(kind) }
}

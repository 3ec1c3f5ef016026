//! Several messages at a time (reference 1.6): one call for each path, a verdict for each entry, and only those without
//! a good one are tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use mecha_component::pubsub::{Handler, Message};
use mecha_component::{BoxFuture, Error, Result};
use parking_lot::Mutex;
use uuid::Uuid;

use super::delivery::{Delivery, Outcome, Undelivered};
use super::envelope::{BYTES, CLOUD_EVENT};
use super::event::{Event, content_type};
use crate::channel::{BulkEvent, BulkTopicEntry, BulkTopicEvent, Verdict};
use crate::error::ApiError;
use crate::runtime::Runtime;

/// Takes the messages that a driver collects by itself.
pub(super) struct Many(pub(super) Arc<Delivery>);

impl Handler for Many {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let delivery = self.0.clone();
        Box::pin(async move {
            if let Err(error) = delivery.open() {
                return messages.iter().map(|_| Err(error.clone())).collect();
            }
            deliver(&delivery, messages).await
        })
    }
}

/// An entry and which message it is of.
type Entry = (usize, BulkTopicEntry);

/// Delivers messages together; a result for each, in their order.
pub(super) async fn deliver(delivery: &Delivery, messages: Vec<Message>) -> Vec<Result<()>> {
    let Some(runtime) = delivery.runtime.upgrade() else {
        return messages.iter().map(|_| Err(Error::unavailable("the runtime has ended"))).collect();
    };
    let began = Instant::now();
    let mut outcomes: Vec<Option<Outcome>> = messages.iter().map(|_| None).collect();
    let mut paths: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for (index, (message, outcome)) in messages.iter().zip(&mut outcomes).enumerate() {
        match route(delivery, message) {
            Ok((path, entry)) => paths.entry(path).or_default().push((index, entry)),
            Err(settled) => *outcome = Some(settled),
        }
    }
    let topic = messages.first().map(|message| delivery.access().inner(&message.topic)).unwrap_or_default();
    for (path, entries) in paths {
        for (index, settled) in call(delivery, &runtime, topic, path, entries).await {
            if let Some(outcome) = outcomes.get_mut(index) {
                *outcome = Some(settled);
            }
        }
    }
    let mut results = Vec::with_capacity(messages.len());
    let mut counts = BTreeMap::<&'static str, usize>::new();
    for (message, outcome) in messages.iter().zip(outcomes) {
        let outcome = outcome.unwrap_or(Outcome::Again);
        let (result, status) = delivery.settle(&runtime, message, outcome).await;
        *counts.entry(status).or_default() += 1;
        results.push(result);
    }
    let (pubsub, elapsed) = (&delivery.broker.name, began.elapsed());
    for (status, events) in counts {
        runtime.metrics().delivered(pubsub, topic, events, true, status, elapsed);
    }
    results
}

/// The entry of a message and its path. Raw payloads stay as they are, whatever rules ask of their envelope.
fn route(delivery: &Delivery, message: &Message) -> std::result::Result<(String, BulkTopicEntry), Outcome> {
    let topic = delivery.access().inner(&message.topic);
    let (Event { envelope, .. }, path) = delivery.route(message, topic)?;
    let (event, kind) = if delivery.raw {
        (BulkEvent::Raw(message.data.clone()), BYTES)
    } else {
        (BulkEvent::Envelope(envelope), CLOUD_EVENT)
    };
    let entry = BulkTopicEntry {
        id: Uuid::new_v4().to_string(),
        event,
        content_type: content_type(message).unwrap_or(kind).to_owned(),
        metadata: message.metadata.clone(),
    };
    Ok((path, entry))
}

/// Calls the application with the entries of one path under the inbound policy.
async fn call(
    delivery: &Delivery,
    runtime: &Runtime,
    topic: &str,
    path: String,
    entries: Vec<Entry>,
) -> Vec<(usize, Outcome)> {
    let indexes: Vec<_> = entries.iter().map(|(index, entry)| (entry.id.clone(), *index)).collect();
    let pubsub = delivery.broker.name.clone();
    let round = Mutex::new(Round {
        event: BulkTopicEvent {
            id: Uuid::new_v4().to_string(),
            metadata: BTreeMap::from([("pubsubName".to_owned(), pubsub.to_string())]),
            pubsub: pubsub.clone(),
            topic: topic.to_owned(),
            path,
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        },
        done: BTreeMap::new(),
    });
    let policy = runtime.policies().inbound(&pubsub, "pubsub");
    let given_up = policy
        .run(|attempt| {
            let round = &round;
            async move {
                if attempt > 0 && delivery.is_closing() {
                    return Err(Undelivered::closing());
                }
                let event = round.lock().event.clone();
                let verdicts = once(runtime, event).await?;
                round.lock().take(&verdicts)
            }
        })
        .await
        .err()
        .map(|refused| delivery.refused(refused));
    let done = round.into_inner().done;
    let each = |(id, index): (String, usize)| (index, outcome(&id, done.get(&id), given_up.as_ref()));
    indexes.into_iter().map(each).collect()
}

/// The entries of one path on their way through several tries.
struct Round {
    /// With the entries that have no good verdict yet.
    event: BulkTopicEvent,
    done: BTreeMap<String, Verdict>,
}

impl Round {
    /// Takes the verdicts of a try; an error while entries are left.
    fn take(&mut self, verdicts: &BTreeMap<String, Verdict>) -> std::result::Result<(), Undelivered> {
        let Round { event, done } = self;
        event.entries.retain(|entry| match verdicts.get(&entry.id) {
            Some(verdict @ (Verdict::Success | Verdict::Drop)) => {
                done.insert(entry.id.clone(), *verdict);
                false
            }
            Some(Verdict::Retry) | None => true,
        });
        match event.entries.len() {
            0 => Ok(()),
            left => Err(Undelivered::new(format!("{left} message(s) of a bulk are to be delivered again"))),
        }
    }
}

fn outcome(id: &str, verdict: Option<&Verdict>, given_up: Option<&Outcome>) -> Outcome {
    match (verdict, given_up) {
        (Some(Verdict::Drop), _) => {
            tracing::warn!("DROP status returned from app while processing pub/sub event {id}");
            Outcome::Drop
        }
        (Some(_), _) => Outcome::Success,
        (None, Some(Outcome::Failed(error))) => Outcome::Failed(error.clone()),
        (None, _) => Outcome::Again,
    }
}

async fn once(
    runtime: &Runtime,
    event: BulkTopicEvent,
) -> std::result::Result<BTreeMap<String, Verdict>, Undelivered> {
    let topic = event.topic.clone();
    let answer = match runtime.channel() {
        Some(channel) => channel.bulk_topic_event(event).await,
        None => Err(ApiError::internal("the application has no server")),
    };
    answer.map_err(|error| {
        let failed = Undelivered::of(runtime, &error);
        tracing::warn!(
            "encountered a retriable error while publishing a bulk of messages to topic {topic}, err: {error}"
        );
        failed
    })
}

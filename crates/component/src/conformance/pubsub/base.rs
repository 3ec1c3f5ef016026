//! What every broker does: all messages arrive, refused ones come again, topics and subscriptions are apart.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::FutureExt;

use super::{Recorder, Subject};
use crate::pubsub::PublishRequest;

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("message {index:03}")).collect()
}

fn set(texts: Vec<String>) -> BTreeSet<String> {
    texts.into_iter().collect()
}

pub(super) async fn delivers(subject: &Subject<'_>) {
    subject.publish("nobody", "to nobody").await;
    let recorder = Recorder::new();
    let subscription = subject.subscribe("t", &recorder).await;
    for text in numbered(10) {
        subject.publish("t", &text).await;
    }
    subject.arrive(&recorder, 10).await;
    subject.same("what arrived", set(recorder.texts()), set(numbered(10)));
    for message in recorder.taken() {
        subject.same("the topic of a message", message.topic, subject.topic("t"));
    }
    let bytes = Bytes::from_static(b"\x00\xff binary");
    let request = PublishRequest { topic: subject.topic("t"), data: bytes.clone(), ..Default::default() };
    subject.ok("publish", subject.broker.publish(request).await);
    subject.arrive(&recorder, 11).await;
    subject.same("bytes arrive as they are", recorder.taken().pop().map(|message| message.data), Some(bytes));
    subscription.stop().await;
}

pub(super) async fn keeps_order(subject: &Subject<'_>) {
    let recorder = Recorder::new();
    let subscription = subject.subscribe("t", &recorder).await;
    for text in numbered(100) {
        subject.publish("t", &text).await;
    }
    subject.arrive(&recorder, 100).await;
    subject.same("the order of arrival", recorder.texts(), numbered(100));
    subscription.stop().await;
}

pub(super) async fn redelivers(subject: &Subject<'_>) {
    // The first two and every fifth (reference 7.2).
    let recorder = Recorder::refusing(|number, _| number <= 2 || number.is_multiple_of(5));
    let subscription = subject.subscribe("t", &recorder).await;
    for text in numbered(10) {
        subject.publish("t", &text).await;
    }
    subject.arrive(&recorder, 10).await;
    subject.same("what was refused comes again", set(recorder.texts()), set(numbered(10)));
    subscription.stop().await;
}

pub(super) async fn isolates(subject: &Subject<'_>) {
    let (first, second, third) = (Recorder::new(), Recorder::new(), Recorder::new());
    let subscriptions = [
        subject.subscribe("a", &first).await,
        subject.subscribe("b", &second).await,
        subject.subscribe("b", &third).await,
    ];
    subject.publish("a", "for a").await;
    subject.publish("b", "for b").await;
    for recorder in [&first, &second, &third] {
        subject.arrive(recorder, 1).await;
    }
    for subscription in &subscriptions {
        subscription.stop().await;
    }
    subject.same("the first topic's", first.texts(), vec!["for a".to_owned()]);
    subject.same("the second topic's", second.texts(), vec!["for b".to_owned()]);
    subject.same("every consumer gets a message", third.texts(), vec!["for b".to_owned()]);
}

pub(super) async fn stops(subject: &Subject<'_>) {
    let (stopped, running) = (Recorder::new(), Recorder::new());
    let first = subject.subscribe("t", &stopped).await;
    let second = subject.subscribe("t", &running).await;
    subject.publish("t", "before").await;
    subject.arrive(&stopped, 1).await;
    subject.arrive(&running, 1).await;
    first.stop().await;
    first.stop().await;
    subject.publish("t", "after").await;
    subject.arrive(&running, 2).await;
    subject.same("a stopped subscription gets nothing more", stopped.texts(), vec!["before".to_owned()]);
    second.stop().await;
}

pub(super) async fn settles(subject: &Subject<'_>) {
    let recorder = Recorder::new();
    recorder.close();
    let subscription = subject.subscribe("t", &recorder).await;
    subject.publish("t", "under way").await;
    let held = tokio::time::timeout(subject.options.within, recorder.holds_something()).await;
    assert!(held.is_ok(), "[{}] the message must be handed over", subject.case);
    let mut stop = subscription.stop();
    let early = (&mut stop).now_or_never().is_some();
    assert!(!early, "[{}] stopping must wait for the message that is under way", subject.case);
    recorder.open();
    let stopped = tokio::time::timeout(subject.options.within, stop).await;
    assert!(stopped.is_ok(), "[{}] stopping must end when the message is settled", subject.case);
    subject.same("the message under way is taken", recorder.texts(), vec!["under way".to_owned()]);
}

pub(super) async fn wildcards(subject: &Subject<'_>) {
    let recorder = Recorder::new();
    let subscription = subject.subscribe("w*", &recorder).await;
    for (topic, text) in [("w1", "one"), ("other", "other"), ("w", "the prefix itself"), ("w22", "two")] {
        subject.publish(topic, text).await;
    }
    subject.arrive(&recorder, 2).await;
    subscription.stop().await;
    subject.same(
        "topics that begin so",
        set(recorder.texts()),
        set(vec!["one".to_owned(), "two".to_owned()]),
    );
}

//! Several messages at once, where the broker can by itself.

use std::time::Duration;

use bytes::Bytes;

use super::{Recorder, Subject};
use crate::pubsub::{BulkEntry, Metadata};

/// Entries `0`, `1` ... with the texts `entry 0`, `entry 1` ...
pub(super) fn entries(count: usize) -> Vec<BulkEntry> {
    let entry = |index: usize| BulkEntry {
        id: index.to_string(),
        data: Bytes::from(format!("entry {index}")),
        content_type: "text/plain".to_owned(),
        metadata: Metadata::new(),
    };
    (0..count).map(entry).collect()
}

pub(super) async fn publishes(subject: &Subject<'_>) {
    let recorder = Recorder::new();
    let subscription = subject.subscribe("t", &recorder).await;
    let published = subject.broker.bulk_publish(&subject.topic("t"), entries(10), &Metadata::new()).await;
    let failed = subject.ok("bulk publish", published);
    subject.same("entries that failed", failed.len(), 0);
    subject.arrive(&recorder, 10).await;
    let mut texts = recorder.texts();
    texts.sort();
    subject.same("all entries arrive", texts, (0..10).map(|index| format!("entry {index}")).collect());
    subscription.stop().await;
}

pub(super) async fn subscribes(subject: &Subject<'_>) {
    // One of the messages is refused once: the others of its group are settled all the same.
    let recorder = Recorder::refusing(|number, _| number == 3);
    let bulk = Some((5, Duration::from_millis(500)));
    let subscription = subject.subscribe_bulk("t", &recorder, bulk).await;
    for index in 0..12 {
        subject.publish("t", &format!("entry {index:02}")).await;
    }
    subject.arrive(&recorder, 12).await;
    subscription.stop().await;
    let mut texts = recorder.texts();
    texts.sort();
    subject.same(
        "every message is taken once",
        texts,
        (0..12).map(|index| format!("entry {index:02}")).collect(),
    );
    let most = recorder.calls().into_iter().max().unwrap_or_default();
    assert!((1..=5).contains(&most), "[{}] a call brings five messages at most, not {most}", subject.case);
}

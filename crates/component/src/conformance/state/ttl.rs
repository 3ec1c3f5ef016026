//! Expiry. Waiting is for the item to go, not for a time: a store with a clock of its own is polled.

use std::time::Duration;

use tokio::time::Instant;

use super::{Concurrency, Subject, ttl_metadata};
use crate::state::{SetRequest, TTL_EXPIRE_TIME};

/// How much later than asked an item may go; stores that count whole seconds need one.
const LATE: Duration = Duration::from_millis(1500);

pub(super) async fn refuses_nonsense(subject: &Subject<'_>) {
    for wrong in ["soon", "1.5", "-3"] {
        let request = SetRequest { metadata: ttl_metadata(wrong), ..subject.set_request("nonsense", "1") };
        subject.fails("a TTL that is no number of seconds", subject.store.set(request).await);
    }
    subject.same("nothing is stored then", subject.get("nonsense").await, None);
}

pub(super) async fn expires(subject: &Subject<'_>) {
    let begun = Instant::now();
    subject.set("stays", "1").await;
    let request = SetRequest { metadata: ttl_metadata("2"), ..subject.set_request("goes", "1") };
    subject.ok("set with a TTL", subject.store.set(request).await);

    let item = subject.get("goes").await;
    if begun.elapsed() < Duration::from_secs(1) {
        let item =
            item.unwrap_or_else(|| panic!("[{}] an item must be there before it expires", subject.case));
        let told = item.metadata.get(TTL_EXPIRE_TIME).map(String::as_str).unwrap_or_default();
        told.parse::<jiff::Timestamp>()
            .unwrap_or_else(|_| panic!("[{}] ttlExpireTime must be RFC 3339, is `{told}`", subject.case));
        let bulk = subject.ok("bulk get", subject.store.bulk_get(vec![subject.get_request("goes")]).await);
        let in_bulk = bulk.into_iter().next().and_then(|found| found.item.ok().flatten());
        let told_in_bulk = in_bulk.and_then(|item| item.metadata.get(TTL_EXPIRE_TIME).cloned());
        subject.same("bulk get tells the same time", told_in_bulk.as_deref(), Some(told));
    }
    gone(subject, "goes", begun + Duration::from_secs(2) + LATE).await;
    subject.same("an item without TTL stays", subject.text("stays").await, Some("1".to_owned()));
    let stays = subject.get("stays").await.map(|item| item.metadata.contains_key(TTL_EXPIRE_TIME));
    subject.same("an item without TTL tells no time", stays, Some(false));
}

pub(super) async fn is_taken_back(subject: &Subject<'_>) {
    for name in ["omitted", "minus one"] {
        let request = SetRequest { metadata: ttl_metadata("1"), ..subject.set_request(name, "1") };
        subject.ok("set with a TTL", subject.store.set(request).await);
    }
    subject.set("omitted", "2").await;
    let request = SetRequest { metadata: ttl_metadata("-1"), ..subject.set_request("minus one", "2") };
    subject.ok("set with TTL -1", subject.store.set(request).await);
    // Another item with the same TTL shows that the time is over.
    let request = SetRequest { metadata: ttl_metadata("1"), ..subject.set_request("clock", "1") };
    subject.ok("set with a TTL", subject.store.set(request).await);
    gone(subject, "clock", Instant::now() + Duration::from_secs(1) + LATE).await;
    for name in ["omitted", "minus one"] {
        let item = subject.get(name).await;
        let told = item.as_ref().map(|item| item.metadata.contains_key(TTL_EXPIRE_TIME));
        subject.same("a write without TTL takes an earlier one away", told, Some(false));
    }
}

pub(super) async fn an_expired_item_is_none(subject: &Subject<'_>) {
    let request = SetRequest { metadata: ttl_metadata("1"), ..subject.set_request("a", "1") };
    subject.ok("set with a TTL", subject.store.set(request).await);
    gone(subject, "a", Instant::now() + Duration::from_secs(1) + LATE).await;
    let request = SetRequest { concurrency: Concurrency::FirstWrite, ..subject.set_request("a", "2") };
    subject.ok("a first write over an expired item", subject.store.set(request).await);
    subject.same("what it stored", subject.text("a").await, Some("2".to_owned()));
}

/// Waits until a key is gone.
pub(super) async fn gone(subject: &Subject<'_>, name: &str, latest: Instant) {
    while subject.get(name).await.is_some() {
        assert!(Instant::now() <= latest, "[{}] `{name}` is still there after its TTL", subject.case);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

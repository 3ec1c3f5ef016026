//! Transactions: their order counts, and a failing one does nothing.

use super::{Operation, Subject, TransactionRequest};
use crate::state::SetRequest;
use crate::{Feature, Result};

async fn transact(subject: &Subject<'_>, operations: Vec<Operation>) -> Result<()> {
    subject.store.transact(TransactionRequest { operations, ..Default::default() }).await
}

pub(super) async fn in_order(subject: &Subject<'_>) {
    let upsert = |name: &str, value: &str| Operation::Upsert(subject.set_request(name, value));
    let delete = |name: &str| Operation::Delete(subject.delete_request(name));

    subject.set("old", "0").await;
    let several = vec![
        upsert("a", "1"),
        upsert("b", r#"{"x":1}"#),
        delete("old"),
        delete("never was"),
        upsert("c", "3"),
    ];
    subject.ok("a transaction", transact(subject, several).await);
    for (name, value) in [("a", Some("1")), ("b", Some(r#"{"x":1}"#)), ("c", Some("3")), ("old", None)] {
        subject.same("all of it is done", subject.text(name).await.as_deref(), value);
    }
    let same_key = vec![delete("a"), upsert("a", "2"), delete("a"), upsert("a", "3")];
    subject.ok("several operations on one key", transact(subject, same_key).await);
    subject.same("the last operation counts", subject.text("a").await.as_deref(), Some("3"));
    let away = vec![upsert("a", "4"), delete("a")];
    subject.ok("a delete after an upsert", transact(subject, away).await);
    subject.same("the delete counts", subject.get("a").await, None);
    subject.ok("an empty transaction", transact(subject, Vec::new()).await);
    let single = vec![upsert("single", "1")];
    subject.ok("a transaction of one operation", transact(subject, single).await);
    subject.same("what it stored", subject.text("single").await.as_deref(), Some("1"));
}

pub(super) async fn all_or_nothing(subject: &Subject<'_>) {
    if !subject.store.features().has(Feature::Etag) {
        return;
    }
    subject.set("d", "1").await;
    subject.set("e", "1").await;
    let wrong = SetRequest { etag: Some(subject.wrong_etag()), ..subject.set_request("e", "2") };
    let operations = vec![
        Operation::Upsert(subject.set_request("d", "2")),
        Operation::Upsert(subject.set_request("f", "2")),
        Operation::Upsert(wrong),
        Operation::Delete(subject.delete_request("d")),
    ];
    subject.fails("a transaction with a wrong etag", transact(subject, operations).await);
    for (name, value) in [("d", Some("1")), ("e", Some("1")), ("f", None)] {
        subject.same("nothing of it is done", subject.text(name).await.as_deref(), value);
    }
    let right = SetRequest { etag: Some(subject.etag("e").await), ..subject.set_request("e", "3") };
    let operations = vec![Operation::Upsert(right), Operation::Upsert(subject.set_request("d", "3"))];
    subject.ok("a transaction with a right etag", transact(subject, operations).await);
    subject.same("it is done", subject.text("e").await.as_deref(), Some("3"));
}

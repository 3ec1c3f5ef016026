//! Etags and first writes.

use super::{Concurrency, Subject};
use crate::ErrorKind;
use crate::state::{DeleteRequest, SetRequest};

pub(super) async fn etags(subject: &Subject<'_>) {
    subject.set("a", "1").await;
    let first = subject.etag("a").await;
    subject.same("reading leaves the etag alone", subject.etag("a").await, first.clone());

    let with = |value: &str, etag: &str| SetRequest {
        etag: Some(etag.to_owned()),
        ..subject.set_request("a", value)
    };
    subject.ok("set with the right etag", subject.store.set(with("2", &first)).await);
    let second = subject.etag("a").await;
    assert!(second != first, "[{}] the etag must change with the value", subject.case);

    let error = subject.fails("set with an old etag", subject.store.set(with("3", &first)).await);
    subject.same("the kind of error of a set", error.kind(), ErrorKind::EtagMismatch);
    let error =
        subject.fails("set with a wrong etag", subject.store.set(with("3", &subject.wrong_etag())).await);
    subject.same("the kind of error of a set", error.kind(), ErrorKind::EtagMismatch);
    subject.same("a failed set changes nothing", subject.text("a").await, Some("2".to_owned()));

    let absent = SetRequest { etag: Some(subject.wrong_etag()), ..subject.set_request("absent", "1") };
    let error = subject.fails("set of a missing key with an etag", subject.store.set(absent).await);
    subject.same("the kind of error of a missing key", error.kind(), ErrorKind::EtagMismatch);

    subject.ok("an empty etag counts as none", subject.store.set(with("4", "")).await);
    let third = subject.etag("a").await;
    let delete = |etag: &str| DeleteRequest { etag: Some(etag.to_owned()), ..subject.delete_request("a") };
    let error = subject.fails("delete with an old etag", subject.store.delete(delete(&second)).await);
    subject.same("the kind of error of a delete", error.kind(), ErrorKind::EtagMismatch);
    subject.same("a failed delete removes nothing", subject.text("a").await, Some("4".to_owned()));
    if subject.options.numeric_etags {
        let error = subject.fails("an etag that is no number", subject.store.set(with("5", "abc")).await);
        subject.same("the kind of error of such an etag", error.kind(), ErrorKind::EtagInvalid);
    }
    subject.ok("delete with the right etag", subject.store.delete(delete(&third)).await);
    subject.same("what was deleted is gone", subject.get("a").await, None);
}

pub(super) async fn bulk_etags(subject: &Subject<'_>) {
    for name in ["a", "b", "c"] {
        subject.set(name, "1").await;
    }
    let right = subject.etag("a").await;
    let set =
        |name: &str, etag: &str| SetRequest { etag: Some(etag.to_owned()), ..subject.set_request(name, "2") };
    let requests = vec![set("a", &right), set("b", &subject.wrong_etag()), subject.set_request("c", "2")];
    let error =
        subject.fails("bulk set with a wrong etag among them", subject.store.bulk_set(requests).await);
    let failed: Vec<_> = error.keys().iter().map(|(key, error)| (key.clone(), error.kind())).collect();
    subject.same(
        "the error names the keys that failed",
        failed,
        vec![(subject.key("b"), ErrorKind::EtagMismatch)],
    );
    for (name, value) in [("a", "2"), ("b", "1"), ("c", "2")] {
        subject.same("the good ones are stored", subject.text(name).await, Some(value.to_owned()));
    }

    let right = subject.etag("a").await;
    let delete = |name: &str, etag: &str| DeleteRequest {
        etag: Some(etag.to_owned()),
        ..subject.delete_request(name)
    };
    let requests = vec![delete("a", &right), delete("b", &subject.wrong_etag()), subject.delete_request("c")];
    let error =
        subject.fails("bulk delete with a wrong etag among them", subject.store.bulk_delete(requests).await);
    let failed: Vec<_> = error.keys().iter().map(|(key, error)| (key.clone(), error.kind())).collect();
    subject.same(
        "the error names the keys that failed",
        failed,
        vec![(subject.key("b"), ErrorKind::EtagMismatch)],
    );
    for (name, there) in [("a", false), ("b", true), ("c", false)] {
        subject.same("the good ones are removed", subject.get(name).await.is_some(), there);
    }
}

pub(super) async fn first_write(subject: &Subject<'_>) {
    let first = |value: &str, etag: Option<&str>| SetRequest {
        etag: etag.map(str::to_owned),
        concurrency: Concurrency::FirstWrite,
        ..subject.set_request("a", value)
    };
    subject.ok("the first write", subject.store.set(first("1", None)).await);
    for etag in [None, Some("")] {
        let error =
            subject.fails("a second write without an etag", subject.store.set(first("2", etag)).await);
        subject.same("its kind of error", error.kind(), ErrorKind::EtagMismatch);
    }
    let etag = subject.etag("a").await;
    subject.ok("a write with the stored etag", subject.store.set(first("3", Some(&etag))).await);
    let error = subject.fails("a write with a stale etag", subject.store.set(first("4", Some(&etag))).await);
    subject.same("its kind of error", error.kind(), ErrorKind::EtagMismatch);
    subject.same("only the accepted writes count", subject.text("a").await, Some("3".to_owned()));
    subject.ok("a last write still goes through", subject.store.set(subject.set_request("a", "5")).await);
    subject.ok("delete", subject.store.delete(subject.delete_request("a")).await);
    subject.ok("a first write after a delete", subject.store.set(first("6", None)).await);
}

//! What every state store does: values of all kinds come back as they went, deletes are idempotent, bulk operations are
//! the single ones several times.

use bytes::Bytes;
use futures_util::future::join_all;

use super::Subject;
use crate::state::SetRequest;

pub(super) async fn values(subject: &Subject<'_>) {
    subject.same("get of a missing key", subject.get("missing").await, None);
    let long = format!("\"{}\"", "x".repeat(100_000));
    let values = [
        "42",
        "true",
        "\"text\"",
        "\"\"",
        r#"{"a":{"b":[1,2.5,null]}}"#,
        r#""{\"quoted\":1}""#,
        "\"\u{e9}\u{1f600}\"",
    ];
    for (index, value) in values.into_iter().chain([long.as_str()]).enumerate() {
        let name = format!("value-{index}");
        subject.set(&name, value).await;
        subject.same("a JSON value comes back", subject.text(&name).await, Some(value.to_owned()));
    }
    if !subject.options.only_json {
        for (index, value) in [&b"\x00\x01\xfe\xff"[..], b"plain text, no JSON", b""].into_iter().enumerate()
        {
            let name = format!("bytes-{index}");
            let request = SetRequest {
                key: subject.key(&name),
                value: Bytes::copy_from_slice(value),
                ..Default::default()
            };
            subject.ok("set of bytes", subject.store.set(request).await);
            let found = subject.get(&name).await.map(|item| item.value);
            subject.same("bytes come back", found.as_deref(), Some(value));
        }
    }
    subject.set("again", "1").await;
    subject.set("again", "2").await;
    subject.same("the last write counts", subject.text("again").await, Some("2".to_owned()));
}

pub(super) async fn deletes(subject: &Subject<'_>) {
    subject.set("a", "1").await;
    for _ in 0..2 {
        subject.ok("delete, twice", subject.store.delete(subject.delete_request("a")).await);
        subject.same("what was deleted is gone", subject.get("a").await, None);
    }
    subject.set("a", "2").await;
    subject.same("a deleted key can be set again", subject.text("a").await, Some("2".to_owned()));
}

pub(super) async fn bulk(subject: &Subject<'_>) {
    let names: Vec<_> = (0..5).map(|index| format!("b{index}")).collect();
    let sets = names.iter().map(|name| subject.set_request(name, "1")).collect();
    subject.ok("bulk set", subject.store.bulk_set(sets).await);

    let asked: Vec<_> = names.iter().map(String::as_str).chain(["missing"]).collect();
    let gets = asked.iter().map(|name| subject.get_request(name)).collect();
    let found = subject.ok("bulk get", subject.store.bulk_get(gets).await);
    subject.same("bulk get answers for every key", found.len(), asked.len());
    for (name, found) in asked.iter().zip(found) {
        subject.same("bulk get keeps the order of the keys", found.key, subject.key(name));
        let item = subject.ok("a key of a bulk get", found.item);
        subject.same("bulk get finds what is there", item.is_some(), *name != "missing");
    }

    let deletes = ["b0", "b3", "missing"].map(|name| subject.delete_request(name)).into();
    subject.ok("bulk delete", subject.store.bulk_delete(deletes).await);
    for (name, there) in [("b0", false), ("b1", true), ("b2", true), ("b3", false), ("b4", true)] {
        subject.same("bulk delete removes its keys alone", subject.get(name).await.is_some(), there);
    }
    subject.ok("bulk set of nothing", subject.store.bulk_set(Vec::new()).await);
    subject.ok("bulk delete of nothing", subject.store.bulk_delete(Vec::new()).await);
    subject.same(
        "bulk get of nothing",
        subject.ok("bulk get", subject.store.bulk_get(Vec::new()).await).len(),
        0,
    );
}

pub(super) async fn concurrent(subject: &Subject<'_>) {
    let writes = (0..50).map(|index| async move {
        let name = format!("c{index}");
        subject.set(&name, &index.to_string()).await;
        subject.same("own writes are read", subject.text(&name).await, Some(index.to_string()));
    });
    join_all(writes).await;
}

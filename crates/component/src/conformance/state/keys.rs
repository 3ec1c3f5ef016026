//! Deleting by prefix and listing by pattern.

use std::time::Duration;

use tokio::time::Instant;

use super::{Subject, ttl, ttl_metadata};
use crate::Feature;
use crate::state::SetRequest;

pub(super) async fn delete_with_prefix(subject: &Subject<'_>) {
    for name in ["p||1", "p||2", "p||3", "p||3||below", "p2||1", "p"] {
        subject.set(name, "1").await;
    }
    let delete = async |name: &str| {
        subject.ok("delete with prefix", subject.store.delete_with_prefix(&subject.key(name)).await)
    };
    subject.same("the number of removed keys", delete("p").await, 3);
    for (name, there) in [
        ("p||1", false),
        ("p||2", false),
        ("p||3", false),
        ("p||3||below", true),
        ("p2||1", true),
        ("p", true),
    ] {
        subject.same("only keys right below are removed", subject.get(name).await.is_some(), there);
    }
    subject.same("a prefix may end in its separator", delete("p||3||").await, 1);
    subject.same("a prefix without keys", delete("p").await, 0);
    let error = subject.fails("an empty prefix", subject.store.delete_with_prefix("").await);
    assert!(error.message().contains("prefix is required"), "[{}] the message is `{error}`", subject.case);
}

pub(super) async fn like(subject: &Subject<'_>) {
    for name in ["a1", "a2", "b1", "a%x", "a_x", "A1", "a\\x", "a*x", "a[1]"] {
        subject.set(name, "1").await;
    }
    let list = async |pattern: &str| {
        let pattern = subject.key(pattern);
        let (keys, token) = subject.ok("keys like", subject.store.keys_like(&pattern, None, None).await);
        subject.same("a listing without pages has no token", token, None);
        let start = subject.key("");
        let mut names: Vec<_> =
            keys.iter().filter_map(|key| key.strip_prefix(&start)).map(str::to_owned).collect();
        names.sort();
        names
    };
    subject.same("_ is one character", list("a_").await, vec!["a1".to_owned(), "a2".to_owned()]);
    subject.same("% is any run", list("%1").await, ["A1", "a1", "b1"].map(str::to_owned).into());
    subject.same("a literal", list("b1").await, vec!["b1".to_owned()]);
    subject.same("an escaped %", list(r"a\%%").await, vec!["a%x".to_owned()]);
    subject.same("an escaped _", list(r"a\_x").await, vec!["a_x".to_owned()]);
    subject.same("an escaped backslash", list(r"a\\x").await, vec!["a\\x".to_owned()]);
    subject.same("other wildcards are literal", list("a*%").await, vec!["a*x".to_owned()]);
    subject.same("brackets are literal", list("a[1]").await, vec!["a[1]".to_owned()]);
    subject.same("a pattern without keys", list("zzz%").await, Vec::new());
    subject.fails("an empty pattern", subject.store.keys_like("", None, None).await);

    if subject.store.features().has(Feature::Ttl) {
        let request = SetRequest { metadata: ttl_metadata("1"), ..subject.set_request("ttl1", "1") };
        subject.ok("set with a TTL", subject.store.set(request).await);
        ttl::gone(subject, "ttl1", Instant::now() + Duration::from_secs(3)).await;
        subject.same("expired keys are not listed", list("ttl%").await, Vec::new());
    }
}

pub(super) async fn pages(subject: &Subject<'_>) {
    let names: Vec<_> = (0..7).map(|index| format!("page{index}")).collect();
    for name in &names {
        subject.set(name, "1").await;
    }
    let pattern = subject.key("page%");
    let mut token: Option<String> = None;
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = subject.store.keys_like(&pattern, Some(3), token.as_deref()).await;
        let (keys, next) = subject.ok("a page", page);
        sizes.push(keys.len());
        found.extend(keys);
        token = next;
        if token.is_none() || sizes.len() > 3 {
            break;
        }
    }
    subject.same("the pages' sizes", sizes, vec![3, 3, 1]);
    found.sort();
    let expected: Vec<_> = names.iter().map(|name| subject.key(name)).collect();
    subject.same("the pages together, each key once", found, expected);
    let all = subject.store.keys_like(&pattern, Some(7), None).await;
    subject.same("a full last page has no token", subject.ok("a page", all).1, None);
}

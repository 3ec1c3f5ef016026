//! The query API: every operator, order and pages.

use serde_json::{Value, json};

use super::Subject;
use crate::state::{Metadata, QueryRequest, QueryResponse, SetRequest};

async fn ask(subject: &Subject<'_>, query: Value) -> QueryResponse {
    let metadata = Metadata::from([("queryIndexName".to_owned(), "qIndx".to_owned())]);
    let request = QueryRequest { query, key_prefix: subject.key(""), metadata };
    subject.ok("query", subject.store.query(request).await)
}

async fn names(subject: &Subject<'_>, query: Value) -> String {
    let found = ask(subject, query).await;
    let start = subject.key("");
    let names: Vec<_> =
        found.results.iter().map(|(key, _)| key.strip_prefix(&start).unwrap_or(key)).collect();
    names.join(" ")
}

pub(super) async fn finds(subject: &Subject<'_>) {
    let people =
        [("1", "Ann", 30, "Dev"), ("2", "Bob", 25, "Ops"), ("3", "Cid", 41, "Dev"), ("4", "Dot", 19, "Law")];
    for (name, person, age, org) in people {
        let value = json!({"person": {"name": person, "org": org}, "age": age});
        // Some stores can look into what was written so, and into nothing else.
        let metadata = Metadata::from([("contentType".to_owned(), "application/json".to_owned())]);
        let request = SetRequest { metadata, ..subject.set_request(name, &value.to_string()) };
        subject.ok("set of a document", subject.store.set(request).await);
    }
    let by_name = json!([{"key": "person.name", "order": "ASC"}]);
    let cases = [
        (json!({"EQ": {"person.org": "Dev"}}), "1 3"),
        (json!({"NEQ": {"person.org": "Dev"}}), "2 4"),
        (json!({"GT": {"age": 25}}), "1 3"),
        (json!({"GTE": {"age": 25}}), "1 2 3"),
        (json!({"LT": {"age": 25}}), "4"),
        (json!({"LTE": {"age": 25}}), "2 4"),
        (json!({"IN": {"person.org": ["Ops", "Law"]}}), "2 4"),
        (json!({"AND": [{"EQ": {"person.org": "Dev"}}, {"GT": {"age": 30}}]}), "3"),
        (json!({"OR": [{"EQ": {"person.name": "Bob"}}, {"LT": {"age": 20}}]}), "2 4"),
        (json!({"EQ": {"person.org": "None"}}), ""),
        (json!({}), "1 2 3 4"),
    ];
    for (filter, expected) in cases {
        let what = filter.to_string();
        let found = names(subject, json!({"filter": filter, "sort": by_name})).await;
        subject.same(&what, found, expected.to_owned());
    }
    let down = json!({"filter": {}, "sort": [{"key": "age", "order": "DESC"}]});
    subject.same("sorted downwards", names(subject, down).await, "3 1 2 4".to_owned());

    let page = |token: &str| json!({"filter": {}, "sort": by_name, "page": {"limit": 3, "token": token}});
    subject.same("the first page", names(subject, page("")).await, "1 2 3".to_owned());
    let token = ask(subject, page("")).await.token;
    subject.same("the second page", names(subject, page(&token)).await, "4".to_owned());

    let found = ask(subject, json!({"filter": {"EQ": {"person.name": "Ann"}}})).await;
    let item = found.results.into_iter().next().map(|(_, item)| item).unwrap_or_default();
    let value: Value = serde_json::from_slice(&item.value).unwrap_or_default();
    subject.same("a result carries its value", value["age"].clone(), json!(30));
    assert!(item.etag.is_some(), "[{}] a result carries its etag", subject.case);

    let wrong = json!({"filter": {"LIKE": {"a": 1}}});
    let request = QueryRequest { query: wrong, ..Default::default() };
    subject.fails("an unknown operator", subject.store.query(request).await);
}

//! What queries find, in which order and page, and what wrong ones are told.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

fn people() -> Vec<(String, Item)> {
    let people = [
        ("1", json!({"name": "Ann", "age": 30, "org": {"name": "Dev", "floor": 2}, "tags": ["a", "b"]})),
        ("2", json!({"name": "Bob", "age": 25, "org": {"name": "Ops", "floor": 1}})),
        ("3", json!({"name": "Cid", "age": 41.5, "org": {"name": "Dev", "floor": 1}})),
        ("4", json!({"name": "Dot", "org": {"name": "Law", "floor": 3}})),
    ];
    let mut items: Vec<_> = people
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Item { value: value.to_string().into(), ..Default::default() }))
        .collect();
    items.push(("5".to_owned(), Item { value: Bytes::from_static(b"\xff\x00"), ..Default::default() }));
    items
}

#[expect(clippy::needless_pass_by_value, reason = "queries are written where they are asked")]
fn ask(query: Value) -> (Vec<String>, String) {
    let answer = Query::parse(&query).unwrap().run(people());
    (answer.results.into_iter().map(|(key, _)| key).collect(), answer.token)
}

fn keys(query: Value) -> Vec<String> {
    ask(query).0
}

#[test]
fn comparisons() {
    assert_eq!(keys(json!({"filter": {"EQ": {"org.name": "Dev"}}})), ["1", "3"]);
    assert_eq!(keys(json!({"filter": {"EQ": {"value.org.name": "Dev"}}})), ["1", "3"]);
    assert_eq!(keys(json!({"filter": {"NEQ": {"org.name": "Dev"}}})), ["2", "4"]);
    assert_eq!(keys(json!({"filter": {"GT": {"age": 30}}})), ["3"]);
    assert_eq!(keys(json!({"filter": {"GTE": {"age": 30}}})), ["1", "3"]);
    assert_eq!(keys(json!({"filter": {"LT": {"age": 30.5}}})), ["1", "2"]);
    assert_eq!(keys(json!({"filter": {"LTE": {"age": 25}}})), ["2"]);
    assert_eq!(keys(json!({"filter": {"IN": {"org.name": ["Ops", "Law"]}}})), ["2", "4"]);
    assert_eq!(keys(json!({"filter": {"EQ": {"tags.1": "b"}}})), ["1"]);
    assert_eq!(keys(json!({"filter": {"GT": {"age": "30"}}})), [""; 0]);
}

#[test]
fn conditions_combine() {
    let dev_below = json!({"filter": {"AND": [{"EQ": {"org.name": "Dev"}}, {"LT": {"org.floor": 2}}]}});
    assert_eq!(keys(dev_below), ["3"]);
    let either = json!({"filter": {"OR": [
        {"EQ": {"name": "Dot"}},
        {"AND": [{"EQ": {"org.floor": 1}}, {"IN": {"name": ["Bob"]}}]}
    ]}});
    assert_eq!(keys(either), ["2", "4"]);
}

#[test]
fn without_a_filter_everything_is_found() {
    assert_eq!(keys(json!({})), ["1", "2", "3", "4", "5"]);
    assert_eq!(keys(json!({"filter": {}, "sort": null, "page": {}})).len(), 5);
}

#[test]
fn sorted_by_several_fields_with_absent_ones_last() {
    let by_age = json!({"sort": [{"key": "age"}]});
    assert_eq!(keys(by_age), ["2", "1", "3", "4", "5"]);
    let down = json!({"sort": [{"key": "age", "order": "DESC"}]});
    assert_eq!(keys(down), ["3", "1", "2", "4", "5"]);
    let both = json!({"filter": {"GTE": {"org.floor": 1}},
        "sort": [{"key": "org.floor", "order": "DESC"}, {"key": "name", "order": "asc"}]});
    assert_eq!(keys(both), ["4", "1", "2", "3"]);
}

#[test]
fn pages_follow_each_other() {
    for sort in [json!([]), json!([{"key": "name"}])] {
        let (first, token) = ask(json!({"sort": sort, "page": {"limit": 2}}));
        assert_eq!((first, token.is_empty()), (vec!["1".to_owned(), "2".to_owned()], false));
        let (second, token) = ask(json!({"sort": sort, "page": {"limit": 2, "token": token}}));
        assert_eq!((second, token.is_empty()), (vec!["3".to_owned(), "4".to_owned()], false));
        let (third, token) = ask(json!({"sort": sort, "page": {"limit": 2, "token": token}}));
        assert_eq!((third, token.as_str()), (vec!["5".to_owned()], ""));
    }
}

#[test]
fn a_page_that_ends_with_the_last_item_has_no_next() {
    assert_eq!(ask(json!({"page": {"limit": 5}})).1, "");
    assert_eq!(ask(json!({"page": {"limit": 4}})).1, "4");
}

#[test]
fn errors_name_the_field() {
    let wrong = [
        (json!([]), "query:"),
        (json!({"filter": {"EQ": {"a": 1}, "GT": {"a": 1}}}), "query.filter:"),
        (json!({"filter": {"AND": [{"EQ": {"a": 1}}, {"LIKE": {"a": 1}}]}}), "query.filter.AND[1].LIKE:"),
        (json!({"filter": {"EQ": "a"}}), "query.filter.EQ:"),
        (json!({"filter": {"IN": {"a": 1}}}), "query.filter.IN.a:"),
        (json!({"filter": {"OR": []}}), "query.filter.OR:"),
        (json!({"sort": [{"key": "a"}, {"order": "ASC"}]}), "query.sort[1].key:"),
        (json!({"sort": [{"key": "a", "order": "UP"}]}), "query.sort[0].order:"),
        (json!({"page": {"limit": -1}}), "query.page.limit:"),
        (json!({"page": {"token": "x"}}), "query.page.token:"),
    ];
    for (query, place) in wrong {
        let error = Query::parse(&query).unwrap_err();
        assert!(error.message().starts_with(place), "{query}: {error}");
    }
}

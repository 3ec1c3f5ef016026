//! Values: JSON to Hessian and back, and what JSON has no word for.

use mecha_codec::hessian2::{List, Map};
use proptest::prelude::*;

use super::*;
use crate::transcode::json::{Classes, Reader, to_hessian};

fn read(values: &[Value]) -> std::result::Result<Json, &'static str> {
    Reader::new(values).json(&values[0])
}

#[test]
fn numbers_are_as_small_as_they_fit_and_classes_are_kept() {
    let of = |json: Json| to_hessian(json, Classes::Named);
    assert_eq!(of(json!(2_147_483_647)), Value::Int(2_147_483_647));
    assert_eq!(of(json!(2_147_483_648u32)), Value::Long(2_147_483_648));
    assert_eq!(of(json!(u64::MAX)), Value::Double(u64::MAX as f64));
    assert_eq!(of(json!(1.5)), Value::Double(1.5));
    let person = json!({"class": "a.Person", "name": "Ada"});
    assert_eq!(
        of(person.clone()),
        Value::map([("class".to_owned(), text("a.Person")), ("name".to_owned(), text("Ada"))])
    );
    assert_eq!(to_hessian(person, Classes::Objects), Value::object("a.Person", [("name", text("Ada"))]));
}

#[test]
fn every_kind_of_value_has_a_form() {
    let entries = vec![
        (Value::Int(1), Value::Date(5)),
        (Value::object("a.Color", [("name", text("RED"))]), Value::Binary(vec![1, 2, 3])),
        (Value::list(None, vec![Value::Null]), Value::Double(f64::NAN)),
    ];
    let map = Value::Map(Map { kind: Some("java.util.TreeMap".into()), entries });
    assert_eq!(read(&[map]), Ok(json!({"1": 5, "RED": "AQID", "[null]": null})));
    let typed = Value::Map(Map { kind: Some("a.Old".into()), entries: vec![(text("x"), Value::Long(1))] });
    assert_eq!(read(&[typed]), Ok(json!({"class": "a.Old", "x": 1})));
}

#[test]
fn what_is_shared_is_written_out_and_what_contains_itself_is_refused() {
    let shared = [Value::list(None, vec![Value::list(None, vec![text("x")]), Value::Ref(1)])];
    assert_eq!(read(&shared), Ok(json!([["x"], ["x"]])));
    let cycle = Err("a value that contains itself has no form in JSON");
    assert_eq!(read(&[Value::map([("me".to_owned(), Value::Ref(0))])]), cycle);
    let through = [Value::list(None, vec![Value::list(None, vec![Value::Ref(0)])])];
    assert_eq!(read(&through), cycle);
}

#[test]
fn a_small_stream_does_not_grow_without_bound() {
    // Forty lists, each twice the one before: 2 to the 40th items.
    let mut items = vec![Value::list(None, vec![text("x"), text("y")])];
    for before in 0..40u32 {
        items.push(Value::list(None, vec![Value::Ref(before + 1), Value::Ref(before + 1)]));
    }
    let refused = read(&[Value::list(None, items)]);
    assert_eq!(refused, Err("the value would be larger than 64 MiB in JSON"));
    // A chain of references is as deep as what they mean.
    let mut items = vec![Value::list(None, Vec::new())];
    for before in 0..200u32 {
        items.push(Value::list(None, vec![Value::Ref(before + 1)]));
    }
    assert_eq!(read(&[Value::list(None, items)]), Err("a value with too many levels has no form in JSON"));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        proptest::num::f64::NORMAL.prop_map(Json::from),
        ".{0,20}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map("[a-z]{0,6}", inner, 0..5)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_comes_back_as_it_was(value in any_json()) {
        let hessian = [to_hessian(value.clone(), Classes::Named)];
        prop_assert_eq!(read(&hessian).unwrap(), value);
    }

    #[test]
    fn any_stream_has_a_form_or_is_refused(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in [Dialect::V2, Dialect::Draft] {
            if let Ok(values) = Decoder::new(&stream, dialect, Bounds::default()).rest() {
                let mut reader = Reader::new(&values);
                for value in &values {
                    let _ = reader.json(value);
                }
            }
        }
    }
}

#[test]
fn a_list_without_items_is_one() {
    assert_eq!(read(&[Value::List(List::default())]), Ok(json!([])));
}

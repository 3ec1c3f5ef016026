//! Streams that hessian.js 2.11 (Hessian 2.0) and sofa-hessian-node 2.2 (the draft) wrote are read, and written again;
//! hostile ones are refused before they cost anything.

use proptest::prelude::*;

use super::*;
use crate::hessian2::{Containers, Encoder};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn all(stream: &[u8], dialect: Dialect) -> Read<Vec<Value>> {
    Decoder::new(stream, dialect, Bounds::default()).rest()
}

fn written(values: &[Value], dialect: Dialect) -> Vec<u8> {
    let mut encoder = Encoder::new(dialect);
    values.iter().for_each(|value| encoder.value(value));
    encoder.finish()
}

fn object(class: &str, fields: &[(&str, Value)]) -> Value {
    Value::object(class, fields.iter().cloned())
}

/// A value, as the draft and as Hessian 2.0 spell it.
fn vectors() -> Vec<(Value, &'static str, &'static str)> {
    let (int, text) = (Value::Int, |text: &str| Value::text(text));
    let shared = Value::list(None, vec![Value::list(None, vec![int(1)]), Value::Ref(1)]);
    let classes = Value::list(
        None,
        vec![
            object("a.B", &[("x", int(1))]),
            object("a.B", &[("x", int(2))]),
            object("c.D", &[("q", Value::Bool(true))]),
        ],
    );
    vec![
        (Value::Null, "4e", "4e"),
        (Value::Bool(true), "54", "54"),
        (int(-16), "80", "80"),
        (int(47), "bf", "bf"),
        (int(-17), "c7ef", "c7ef"),
        (int(2047), "cfff", "cfff"),
        (int(-2049), "d3f7ff", "d3f7ff"),
        (int(262_143), "d7ffff", "d7ffff"),
        (int(262_144), "4900040000", "4900040000"),
        (Value::Long(5), "e5", "e5"),
        (Value::Long(-300), "f6d4", "f6d4"),
        (Value::Long(200_000), "3f0d40", "3f0d40"),
        (Value::Long(-2_147_483_648), "7780000000", "5980000000"),
        (Value::Long(9_007_199_254_740_993), "4c0020000000000001", "4c0020000000000001"),
        (Value::Double(0.0), "67", "5b"),
        (Value::Double(1.0), "68", "5c"),
        (Value::Double(-5.0), "69fb", "5dfb"),
        (Value::Double(1000.0), "6a03e8", "5e03e8"),
        (Value::Double(314_159.0 / 100_000.0), "44400921f9f01b866e", "44400921f9f01b866e"),
        (Value::Date(1_700_000_000_123), "640000018bcfe5687b", "4a0000018bcfe5687b"),
        (text(""), "00", "00"),
        (text("hé你"), "0368c3a9e4bda0", "0368c3a9e4bda0"),
        (text("a😀b"), "0461eda0bdedb88062", "0461eda0bdedb88062"),
        (Value::Binary(vec![1, 2, 3]), "23010203", "23010203"),
        (
            Value::Binary(vec![7; 20]),
            "4200140707070707070707070707070707070707070707",
            "34140707070707070707070707070707070707070707",
        ),
        (Value::list(None, vec![int(1), text("a"), Value::Null]), "566e039101614e7a", "7b9101614e"),
        (
            Value::list(Some("[string"), vec![text("a"), text("b")]),
            "567400075b737472696e676e02016101627a",
            "72075b737472696e6701610162",
        ),
        (
            Value::list(Some("[int"), (1..=9).map(int).collect()),
            "567400045b696e746e099192939495969798997a",
            "56045b696e7499919293949596979899",
        ),
        (
            Value::list(None, (1..=9).map(int).collect()),
            "566e099192939495969798997a",
            "5899919293949596979899",
        ),
        (
            Value::map([("a".to_owned(), int(1)), ("b".to_owned(), text("x"))]),
            "4d016191016201787a",
            "48016191016201785a",
        ),
        (
            object("a.B", &[("x", int(1)), ("y", text("z"))]),
            "4f93612e4292017801796f9091017a",
            "4303612e4292017801796091017a",
        ),
        (
            classes,
            "566e034f93612e429101786f90916f90924f93632e449101716f91547a",
            "7b4303612e42910178609160924303632e449101716154",
        ),
        (shared, "566e02566e01917a4a017a", "7a79915191"),
    ]
}

#[test]
fn what_others_wrote_is_read_and_written_alike() {
    for (value, draft, v2) in vectors() {
        for (dialect, hex) in [(Dialect::Draft, draft), (Dialect::V2, v2)] {
            let stream = bytes(hex);
            assert_eq!(all(&stream, dialect), Ok(vec![value.clone()]), "{dialect:?} {hex}");
            assert_eq!(written(std::slice::from_ref(&value), dialect), stream, "{dialect:?} {value:?}");
        }
    }
}

#[test]
fn forms_that_are_read_only_are_read() {
    let one = |hex: &str, dialect| all(&bytes(hex), dialect).unwrap().remove(0);
    // Thousandths, minutes, text in chunks with a pair of four bytes, lists and maps with typed ends.
    assert_eq!(one("5f000005dc", Dialect::V2), Value::Double(1.5));
    assert_eq!(one("4b00000002", Dialect::V2), Value::Date(120_000));
    assert_eq!(one("5200016102f09f9880", Dialect::V2), Value::text("a😀"));
    assert_eq!(one("5791925a", Dialect::V2), Value::list(None, vec![Value::Int(1), Value::Int(2)]));
    let map = Map { kind: Some("t".into()), entries: vec![(Value::Int(1), Value::Int(2))] };
    assert_eq!(one("4d017491925a", Dialect::V2), Value::Map(map.clone()));
    assert_eq!(one("4d7400017491927a", Dialect::Draft), Value::Map(map));
    // A type by its number, in a list of the draft's other form.
    let typed = all(&bytes("5674000174917a7690929192"), Dialect::Draft).unwrap();
    assert_eq!(typed[1], Value::list(Some("t"), vec![Value::Int(1), Value::Int(2)]));
    // A half of a pair by itself is no reason to refuse the message.
    assert_eq!(one("01eda0bd", Dialect::V2), Value::text("\u{fffd}"));
}

#[test]
fn long_text_goes_out_in_chunks_that_keep_pairs_together() {
    let text = Value::String("x".repeat(0x7fff) + "😀" + &"y".repeat(40_000));
    let binary = Value::Binary(vec![9; 70_000]);
    for dialect in [Dialect::V2, Dialect::Draft] {
        let values = [text.clone(), binary.clone()];
        assert_eq!(all(&written(&values, dialect), dialect).unwrap(), values);
    }
}

#[test]
fn a_reference_means_what_began_before_it_also_around_itself() {
    // A map that holds itself.
    let cyclic = all(&bytes("48016151905a"), Dialect::V2).unwrap();
    let containers = Containers::of(&cyclic);
    let Value::Map(map) = &cyclic[0] else { panic!() };
    assert_eq!(map.get("a"), Some(&Value::Ref(0)));
    assert!(std::ptr::eq(containers.get(0).unwrap(), &cyclic[0]));
    let refused = all(&bytes("5191"), Dialect::V2).unwrap_err();
    assert_eq!(refused.reason, "a reference to what did not come yet");
    // Values of one stream share their numbers.
    let two = all(&bytes("79915190"), Dialect::V2).unwrap();
    assert_eq!(two[1], Value::Ref(0));
    assert_eq!(Containers::of(&two).get(0), Some(&two[0]));
}

#[test]
fn depth_number_and_lengths_are_bounded() {
    let reason = |stream: &[u8], dialect| all(stream, dialect).unwrap_err().reason;
    for (dialect, open) in
        [(Dialect::V2, b'W'), (Dialect::V2, b'H'), (Dialect::Draft, b'V'), (Dialect::Draft, b'M')]
    {
        assert_eq!(reason(&[open; 100_000], dialect), "too many levels");
    }
    // Lists that claim two thousand million items, and a class with as many fields.
    assert_eq!(reason(&bytes("58497fffffff"), Dialect::V2), "cut off");
    assert_eq!(reason(&bytes("430161497fffffff"), Dialect::V2), "too many values");
    assert_eq!(reason(&vec![b'N'; 300_000], Dialect::V2), "too many values");
    // Objects of a class without fields cost a byte each, and still count.
    let mut empty = bytes("43016190");
    empty.extend(vec![0x60; 300_000]);
    assert_eq!(reason(&empty, Dialect::V2), "too many values");
    assert_eq!(reason(&bytes("6f"), Dialect::V2), "an object of a class that was not defined");
    assert_eq!(reason(b"S\xff\xffabc", Dialect::V2), "a string that is cut off or not UTF-8");
    assert_eq!(reason(b"A\xff\xffabc", Dialect::V2), "binary that is cut off");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        (-9_999i64..9_999).prop_map(Value::Long),
        any::<i16>().prop_map(|number| Value::Double(f64::from(number))),
        proptest::num::f64::NORMAL.prop_map(Value::Double),
        any::<i64>().prop_map(Value::Date),
        ".{0,40}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(4, 64, 10, |inner| {
        let kind = proptest::option::of("[a-z.\\[]{1,12}");
        prop_oneof![
            (kind.clone(), proptest::collection::vec(inner.clone(), 0..10))
                .prop_map(|(kind, items)| Value::list(kind.as_deref(), items)),
            (kind, proptest::collection::vec((inner.clone(), inner.clone()), 0..5))
                .prop_map(|(kind, entries)| Value::Map(Map { kind: kind.map(Arc::from), entries })),
            ("[a-z.]{1,12}", proptest::collection::vec(("[a-z]{0,40}", inner), 0..5)).prop_map(
                |(name, fields)| {
                    let (fields, values) = fields.into_iter().unzip();
                    Value::Object(Object { class: Arc::new(Class { name, fields }), values })
                }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_as_it_was_written(values in proptest::collection::vec(any_value(), 0..4)) {
        for dialect in [Dialect::V2, Dialect::Draft] {
            prop_assert_eq!(all(&written(&values, dialect), dialect).unwrap(), values.clone());
        }
    }

    #[test]
    fn garbage_is_read_or_refused(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in [Dialect::V2, Dialect::Draft] {
            let mut decoder = Decoder::new(&stream, dialect, Bounds::default());
            let _ = decoder.rest();
            prop_assert!(decoder.position() <= stream.len());
        }
    }
}

//! Properties: what is built is read, what is changed is read as changed, and no input does harm.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::rpc::testing::assert_every_split;

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z.$_-]{1,40}"
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", "[a-zäöü中文]{0,40}", "x{1000,1100}"]
}

/// Names that differ, with values.
fn attachments() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((word(), value()), 0..12).prop_map(|pairs| {
        let mut seen = std::collections::HashSet::new();
        pairs.into_iter().filter(|(name, _)| seen.insert(name.to_ascii_lowercase())).collect()
    })
}

/// Values in Hessian 2.0, with their types.
fn arguments() -> impl Strategy<Value = (String, Vec<u8>)> {
    let leaf = prop_oneof![
        Just(("I", b"\x91".to_vec())),
        Just(("D", b"\x5d\x07".to_vec())),
        Just(("Ljava/lang/Object;", b"N".to_vec())),
        Just(("[B", b"A\x00\x02ab\x21c".to_vec())),
        Just(("Ljava/util/Map;", b"H\x01k\x7a\x91\x92Z".to_vec())),
        Just(("Lorg/example/A;", b"C\x01A\x91\x01x\x60\x51\x90".to_vec())),
        value().prop_map(|text| {
            let mut out = Vec::new();
            crate::hessian2::text::write_string(&text, &mut out);
            ("Ljava/lang/String;", out)
        }),
    ];
    vec(leaf, 0..5).prop_map(|values| {
        let types = values.iter().map(|(kind, _)| *kind).collect();
        (types, values.into_iter().flat_map(|(_, bytes)| bytes).collect())
    })
}

fn pairs(attachments: &[(String, String)]) -> Vec<(&[u8], &[u8])> {
    attachments.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

proptest! {
    #[test]
    fn what_is_built_is_read(
        id: u64,
        one_way: bool,
        words in (word(), word(), word()),
        (types, arguments) in arguments(),
        attachments in attachments(),
    ) {
        let (service, version, method) = &words;
        let pairs = pairs(&attachments);
        let bytes = request(&Request {
            id, one_way, dubbo_version: DUBBO_VERSION, service, version, method, parameter_types: &types,
            arguments: &arguments, attachments: &pairs,
        });
        let read = read(&bytes);
        prop_assert_eq!(read.frame.id, id);
        prop_assert_eq!(read.frame.kind == Kind::OneWay, one_way);
        prop_assert!(read.frame.payload().ends_with(&arguments));
        let texts = read.texts();
        prop_assert_eq!(&texts[1].1, service);
        prop_assert_eq!(&texts[2].1, version);
        prop_assert_eq!(&texts[3].1, method);
        prop_assert_eq!(&texts[4..], &attachments[..]);
        identity(&bytes);
        if bytes.len() < 400 {
            assert_every_split(&Dubbo, &bytes);
        }
    }

    #[test]
    fn what_is_changed_is_read_as_changed(
        (types, arguments) in arguments(),
        before in attachments(),
        changes in vec((any::<prop::sample::Index>(), proptest::option::of(value())), 0..6),
        method in word(),
    ) {
        let pairs = pairs(&before);
        let call = Request { parameter_types: &types, arguments: &arguments, attachments: &pairs, ..CALL };
        let read_before = read(&request(&call));
        let mut expected = before.clone();
        for (at, change) in &changes {
            if expected.is_empty() {
                break;
            }
            let at = at.index(expected.len());
            match change {
                Some(value) => expected[at].1.clone_from(value),
                None => drop(expected.remove(at)),
            }
        }
        let mut fields = read_before.views()[..4].to_vec();
        fields[3].value = method.as_bytes();
        fields.extend(expected.iter().map(|(name, value)| FieldView {
            name: name.as_bytes(), value: value.as_bytes(), own: false,
        }));
        let after = read(&sent(&read_before.frame, 8, Some(&fields)));
        prop_assert_eq!(after.frame.id, 8);
        prop_assert_eq!(&after.texts()[4..], &expected[..]);
        prop_assert_eq!(after.field("method"), Some(method));
        prop_assert_eq!(after.frame.payload(), read_before.frame.payload());
    }

    #[test]
    fn garbage_does_no_harm(flags: u8, status: u8, body in vec(any::<u8>(), 0..200)) {
        garbage(&body);
        garbage(&raw(flags, status, &body));
        garbage(&raw(0xc2, 0, &[b"\x052.0.2\x01s\x01v\x01m\x01I", &body[..]].concat()));
        garbage(&raw(0x02, 20, &[b"\x94", &body[..]].concat()));
    }
}

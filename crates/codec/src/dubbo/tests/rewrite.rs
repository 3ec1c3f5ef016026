//! Fields that were changed between decoding and forwarding.

use super::*;

fn field<'a>(name: &'a str, value: &'a str) -> FieldView<'a> {
    FieldView { name: name.as_bytes(), value: value.as_bytes(), own: false }
}

/// A request with these attachments as they stand on the wire, the map's opening and end included.
fn with_map(map: &[u8]) -> Vec<u8> {
    let body = request(&Request { attachments: &[], ..CALL })[16..].to_vec();
    let body = body.strip_suffix(b"HZ").unwrap();
    raw(0xc2, 0, &[body, map].concat())
}

/// The map of attachments when the fields were changed by `change`.
fn map_after(map: &[u8], change: impl FnOnce(&mut Vec<FieldView<'_>>)) -> Vec<u8> {
    let before = read(&with_map(map));
    let mut fields = before.views();
    change(&mut fields);
    let after = read(&sent(&before.frame, 7, Some(&fields)));
    assert_eq!(after.frame.payload(), before.frame.payload());
    after.frame.fields_at.slice(&after.frame.raw).to_vec()
}

#[test]
fn attachments_are_changed_removed_and_added_and_the_rest_is_copied() {
    // A list, a number, a chunked string and a string beyond the basic plane are no fields.
    let map = b"H\x01a\x011\x01l\x7a\x91\x92\x01b\x012\x01i\x95\x01s\x52\x00\x01x\x01y\x01e\x02\xed\xa0\xbd\xed\xb8\x80\x01c\x013Z";
    let after = map_after(map, |fields| {
        assert_eq!(fields[4..], [field("a", "1"), field("b", "2"), field("c", "3")]);
        fields[5].value = b"two";
        fields.remove(4);
        fields.push(field("d", "4"));
    });
    let expected = b"H\x01l\x7a\x91\x92\x01b\x03two\x01i\x95\x01s\x52\x00\x01x\x01y\x01e\x02\xed\xa0\xbd\xed\xb8\x80\x01c\x013\x01d\x014Z";
    assert_eq!(after, expected);
}

#[test]
fn the_type_of_a_map_is_kept() {
    let after = map_after(b"M\x13java.util.LinkedMap\x01a\x011Z", |fields| fields[4].value = b"2");
    assert_eq!(after, b"M\x13java.util.LinkedMap\x01a\x012Z");
}

#[test]
fn a_map_is_made_where_there_was_none() {
    for map in [&b"N"[..], b""] {
        assert_eq!(map_after(map, |fields| fields.push(field("a", "1"))), b"H\x01a\x011Z", "{map:?}");
        assert_eq!(map_after(map, |fields| fields[3].value = b"other"), map, "{map:?}");
    }
}

#[test]
fn several_values_of_one_name_are_joined() {
    let after = map_after(b"H\x01a\x011\x01b\x012Z", |fields| {
        fields.push(field("A", "3"));
        fields.push(field("x", "4"));
        fields.push(field("x", "5"));
    });
    assert_eq!(after, b"H\x01a\x031,3\x01b\x012\x01x\x034,5Z");
}

#[test]
fn an_order_that_changed_loses_nothing() {
    let after = map_after(b"H\x01a\x011\x01b\x012Z", |fields| fields[4..].reverse());
    assert_eq!(after, b"H\x01b\x012\x01a\x011Z");
}

#[test]
fn what_is_called_follows_its_fields_and_so_does_its_path() {
    let map = b"H\x04path\x13org.example.Greeter\x09interface\x03ownZ";
    let before = read(&with_map(map));
    let mut fields = before.views();
    fields[1].value = b"org.example.Other";
    fields[3].value = b"wave";
    fields.remove(2);
    let bytes = sent(&before.frame, 7, Some(&fields));
    assert_eq!(bytes[16..22 + 18 + 1 + 5], *b"\x052.0.2\x11org.example.OtherN\x04wave");
    let after = read(&bytes);
    assert_eq!(after.field("service").as_deref(), Some("org.example.Other"));
    assert_eq!(after.field("path").as_deref(), Some("org.example.Other"));
    assert_eq!(after.field("interface").as_deref(), Some("own"), "it said something else");
    assert_eq!((after.field("version"), after.field("method").as_deref()), (None, Some("wave")));
}

#[test]
fn an_argument_that_cannot_be_followed_leaves_the_attachments_alone() {
    let bytes = request(&Request { arguments: b"\x05hello\x60", ..CALL });
    let before = read(&bytes);
    assert_eq!(names(&before), ["dubbo", "service", "version", "method"]);
    identity(&bytes);
    let mut fields = before.views();
    fields[3].value = b"wave";
    fields.push(field("x", "1"));
    let after = read(&sent(&before.frame, 7, Some(&fields)));
    assert_eq!(after.field("method").as_deref(), Some("wave"));
    assert_eq!(after.frame.payload(), before.frame.payload());
}

#[test]
fn objects_in_attachments_may_be_of_classes_of_the_arguments() {
    let arguments = b"C\x01A\x91\x01x\x60\x91\x90";
    let map = b"H\x01o\x60\x92\x01p\x43\x01B\x92\x01x\x01y\x61\x91\x92\x01a\x011Z";
    let body = request(&Request { arguments, attachments: &[], ..CALL })[16..].to_vec();
    let bytes = raw(0xc2, 0, &[body.strip_suffix(b"HZ").unwrap(), map].concat());
    let before = read(&bytes);
    assert_eq!(before.field("a").as_deref(), Some("1"));
    let mut fields = before.views();
    fields[4].value = b"2";
    let after = sent(&before.frame, 7, Some(&fields));
    assert!(after.ends_with(b"H\x01o\x60\x92\x01p\x43\x01B\x92\x01x\x01y\x61\x91\x92\x01a\x012Z"));
}

#[test]
fn a_response_gains_attachments() {
    let cases: [(Body<'_>, &[u8]); 3] = [
        (Body::Value(b"\x02hi"), b"\x94\x02hiH\x01a\x011Z"),
        (Body::Null, b"\x95H\x01a\x011Z"),
        (Body::Exception(b"HZ"), b"\x93HZH\x01a\x011Z"),
    ];
    for (body, expected) in cases {
        for attachments in [None, Some(&[][..])] {
            let before = read(&response(body, attachments));
            let after = sent(&before.frame, 7, Some(&[field("a", "1")]));
            assert_eq!(&after[16..], expected);
            assert_eq!(read(&after).field("a").as_deref(), Some("1"));
        }
    }
    let failure = response(Body::Failure { status: 70, text: "why" }, None);
    let before = read(&failure);
    assert_eq!(sent(&before.frame, 7, Some(&[field("a", "1")])), failure, "it has no place for any");
}

#[test]
fn more_attachments_than_are_fields_survive() {
    let many: Vec<String> = (0..MAX_FIELDS + 10).map(|at| format!("name-{at}")).collect();
    let attachments: Vec<(&[u8], &[u8])> = many.iter().map(|name| (name.as_bytes(), &b"v"[..])).collect();
    let bytes = request(&Request { attachments: &attachments, ..CALL });
    let before = read(&bytes);
    assert_eq!(before.fields.len(), 4 + MAX_FIELDS);
    identity(&bytes);
    let only = before.views()[..4].to_vec();
    let after = read(&sent(&before.frame, 7, Some(&only)));
    assert_eq!(names(&after)[4..], many[MAX_FIELDS..]);
}

#[test]
fn names_and_values_that_no_field_may_have_stay_behind() {
    let map = b"H\x03a b\x011\x00\x011\x01n\x02x\n\x01d\x01\x7f\x01u\x01\xc3\xa4\x01t\x02x\tZ";
    let bytes = with_map(map);
    let read = read(&bytes);
    assert_eq!(read.texts()[4..], [("u".to_owned(), "ä".to_owned()), ("t".to_owned(), "x\t".to_owned())]);
    identity(&bytes);
}

#[test]
fn other_frames_are_not_written_anew() {
    for bytes in
        [raw(0xe2, 0, b"N"), raw(0xa2, 0, b"\x01R"), raw(0xc0 | 23, 0, b"\x01a"), raw(0x02, 20, b"\x99")]
    {
        let frame = read(&bytes).frame;
        assert_eq!(sent(&frame, 7, Some(&[field("a", "1")])), bytes, "{bytes:02x?}");
    }
}

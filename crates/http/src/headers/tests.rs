//! Both shapes of header fields: what they keep, what they refuse, how they convert.

use super::*;
use mecha_codec::http1::Span;

fn block() -> Headers {
    let text = Bytes::from_static(b"Host: a\r\nX-One: 1\r\nx-one: 2\r\nContent-Type: text/plain\r\n");
    let span = |at: u32, len: u32| Span { at, len };
    let fields = vec![
        Field { name: span(0, 4), value: span(6, 1), id: HeaderId::Host },
        Field { name: span(9, 5), value: span(16, 1), id: HeaderId::Other },
        Field { name: span(19, 5), value: span(26, 1), id: HeaderId::Other },
        Field { name: span(29, 12), value: span(43, 10), id: HeaderId::ContentType },
    ];
    Headers::from_block(text, fields)
}

fn texts(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .map(|(n, v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
        .collect()
}

#[test]
fn order_and_case_are_kept() {
    let mut headers = block();
    headers.append("x-new", b"n").unwrap();
    assert_eq!(texts(&headers), ["Host=a", "X-One=1", "x-one=2", "Content-Type=text/plain", "x-new=n"]);
    assert_eq!(headers.get("x-one"), Some(&b"1"[..]));
    assert_eq!(headers.get_id(HeaderId::ContentType), Some(&b"text/plain"[..]));
}

#[test]
fn set_takes_the_place_of_the_first() {
    let mut headers = block();
    headers.set("x-one", b"three").unwrap();
    assert_eq!(texts(&headers), ["Host=a", "X-One=three", "Content-Type=text/plain"]);
    assert!(headers.remove("x-one"));
    assert!(!headers.remove("x-one"));
    assert!(headers.remove_id(HeaderId::Host));
    assert_eq!(headers.len(), 1);
}

#[test]
fn no_field_can_smuggle_a_line() {
    for mut headers in [Headers::new(), Headers::from_map(HeaderMap::new())] {
        assert_eq!(headers.append("x", b"a\r\nb: c"), Err(InvalidField));
        assert_eq!(headers.append("x y", b"a"), Err(InvalidField));
        assert_eq!(headers.append("", b"a"), Err(InvalidField));
        assert!(headers.is_empty());
    }
}

#[test]
fn both_shapes_hold_the_same() {
    let mut headers = block();
    headers.append("x-new", b"n").unwrap();
    let map = Headers::from_map(headers.into_map());
    assert_eq!(texts(&map), ["x-one=1", "x-one=2", "content-type=text/plain", "x-new=n"]);
    assert_eq!(map.get_id(HeaderId::ContentType), Some(&b"text/plain"[..]));
    assert_eq!(map.get_id(HeaderId::Host), None);
}

//! Conversions, tried on frames that Dubbo's and SOFARPC's own libraries wrote (`crates/codec/goldens`), and on requests as
//! users of HTTP write them.

mod bolt;
mod dubbo;
mod values;

use bytestring::ByteString;
use mecha_codec::hessian2::{Bounds, Decoder, Dialect, Value};
use mecha_http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::*;

/// A frame of a folder of goldens, with its fields.
fn golden(protocol: Protocol, name: &str) -> (Envelope, Vec<Field>) {
    let folder = format!("{}/../codec/goldens/{}", env!("CARGO_MANIFEST_DIR"), protocol.name());
    let bytes = std::fs::read(format!("{folder}/{name}.bin")).unwrap();
    read_back(protocol, BytesMut::from(&bytes[..])).unwrap()
}

fn golden_request(protocol: Protocol, name: &str) -> RequestHead {
    let (envelope, fields) = golden(protocol, &format!("request-{name}"));
    head::request_head(envelope, fields)
}

fn golden_response(protocol: Protocol, name: &str) -> ResponseHead {
    let (envelope, fields) = golden(protocol, &format!("response-{name}"));
    head::response_head(envelope, fields)
}

/// A POST with these fields.
fn post(authority: &'static str, target: &'static str, fields: &[(&str, &str)]) -> RequestHead {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    RequestHead {
        version: Version::Http11,
        method: Method::POST,
        authority: ByteString::from_static(authority),
        target: ByteString::from_static(target),
        headers,
        rpc: None,
    }
}

/// An answer of an HTTP server.
fn answered(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap());
    for (name, value) in fields {
        head.headers.append(name, value.as_bytes()).unwrap();
    }
    head
}

fn fields_of(headers: &Headers) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn has(headers: &Headers, name: &str, value: &str) -> bool {
    headers.get_str(name) == Some(value)
}

/// Status and body of a converted answer, which is JSON.
fn to_http(head: &ResponseHead) -> (u16, Json) {
    let (head, body) = response_to_http(head, &Conversion::default()).unwrap();
    assert!(has(&head.headers, "content-type", "application/json"), "{:?}", head.headers);
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

fn values_of(bytes: &[u8], dialect: Dialect) -> Vec<Value> {
    Decoder::new(bytes, dialect, Bounds::default()).rest().unwrap()
}

fn text(text: &str) -> Value {
    Value::text(text)
}

#[test]
fn what_is_called_is_told_by_rule_fields_path_or_authority() {
    let rule = |service: Option<&str>, method: Option<&str>| Conversion {
        service: service.map(str::to_owned),
        method: method.map(str::to_owned),
        ..Conversion::default()
    };
    let named = |head: RequestHead, rule: Conversion| {
        target::target(&head, &rule)
            .map(|target| (target.service.into_owned(), target.method.into_owned()))
            .map_err(|error| error.context().to_owned())
    };
    let found = |service: &str, method: &str| Ok((service.to_owned(), method.to_owned()));
    let none = || rule(None, None);
    assert_eq!(named(post("x", "/a.B/m?q=1", &[]), none()), found("a.B", "m"));
    assert_eq!(named(post("x", "/v1/a.B/%24echo", &[]), none()), found("a.B", "$echo"));
    assert_eq!(named(post("a.B", "/m", &[]), none()), found("a.B", "m"));
    assert_eq!(named(post("x", "/m", &[("service", "a.B")]), none()), found("a.B", "m"));
    assert_eq!(named(post("x", "/", &[("service", "a.B"), ("Method", "n")]), none()), found("a.B", "n"));
    assert_eq!(named(post("x", "/a.B", &[("method", "n")]), none()), found("a.B", "n"));
    assert_eq!(named(post("x", "/c.D/m", &[("service", "c.D")]), rule(Some("a.B"), None)), found("a.B", "m"));
    assert_eq!(named(post("x", "/", &[]), rule(Some("a.B"), Some("m"))), found("a.B", "m"));
    for authority in ["127.0.0.1", "localhost", "a.B:2045", ""] {
        let refused = named(post(authority, "/m", &[]), none()).unwrap_err();
        assert!(refused.starts_with("the request names no service"), "{refused}");
    }
    let refused = named(post("a.B", "/", &[]), none()).unwrap_err();
    assert!(refused.starts_with("the request names no method"), "{refused}");
}

#[test]
fn bodies_that_are_no_arguments_are_refused_by_name() {
    let refused = |body: &str, conversion: Conversion| {
        let error = arguments::arguments(body.as_bytes(), &conversion).unwrap_err();
        assert_eq!(error.kind(), Kind::BadRequest(400));
        error.context().to_owned()
    };
    let plain = Conversion::default;
    assert!(refused("{", plain()).starts_with("the body is not JSON (EOF while parsing"));
    assert!(refused(&"[".repeat(10_000), plain()).contains("recursion limit"));
    assert_eq!(refused(r#"{"args": 1}"#, plain()), "the body's \"args\" is not an array");
    assert_eq!(
        refused(r#"{"args": [], "types": [1]}"#, plain()),
        "the body's \"types\" is not an array of strings"
    );
    assert_eq!(
        refused(r#"{"args": [], "attachments": {"a": []}}"#, plain()),
        "the attachment \"a\" is neither a string nor a number nor a boolean"
    );
    let typed = Conversion { types: Some(vec!["int".to_owned()]), ..Conversion::default() };
    assert_eq!(refused("[1, 2]", typed), "the call has 2 arguments, and types for 1 parameters are given");
}

#[test]
fn a_body_is_the_arguments_the_argument_or_nothing() {
    let found = |body: &str| arguments::arguments(body.as_bytes(), &Conversion::default()).unwrap().values;
    assert_eq!(found(""), Vec::<Json>::new());
    assert_eq!(found(" [1, \"x\"] "), [json!(1), json!("x")]);
    assert_eq!(found("[[1]]"), [json!([1])]);
    assert_eq!(found("\"x\""), [json!("x")]);
    assert_eq!(found("null"), [json!(null)]);
    // An object that has more than a call has is an argument.
    assert_eq!(found(r#"{"args": [1], "name": "x"}"#), [json!({"args": [1], "name": "x"})]);
    assert_eq!(found(r#"{"args": [1], "types": null}"#), [json!(1)]);
}

#[test]
fn text_is_base64_where_the_type_says_bytes() {
    let call = |text: &str| arguments::Arguments {
        types: Some(vec!["java.lang.String".to_owned(), "byte[]".to_owned()]),
        values: vec![json!("AQID"), json!(text)],
        attachments: Vec::new(),
    };
    let wanted = vec![text("AQID"), Value::Binary(vec![1, 2, 3])];
    assert_eq!(call("AQID").values(json::Classes::Named).unwrap(), wanted);
    let refused = call("%").values(json::Classes::Named).unwrap_err();
    assert!(refused.context().starts_with("an argument of bytes is not base64"));
}

#[test]
fn other_protocols_are_not_converted() {
    let head = post("a.B", "/m", &[]);
    for protocol in [Protocol::Tars, Protocol::DubboThrift] {
        let refused =
            request_to_rpc(&head, b"", protocol, &Conversion::default(), Duration::ZERO).unwrap_err();
        assert_eq!(refused.kind(), Kind::BadRequest(501));
        assert!(refused.context().contains(protocol.name()));
    }
}

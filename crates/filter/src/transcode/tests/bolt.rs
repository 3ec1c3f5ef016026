//! Bolt's frames: SOFARPC's, sofa-rpc-node's, and those of users with content of their own.

use super::*;

const BOLT: Protocol = Protocol::Bolt;

fn request(name: &str) -> RequestHead {
    let (envelope, fields) = golden(BOLT, &format!("{name}-request"));
    head::request_head(envelope, fields)
}

fn response(name: &str) -> ResponseHead {
    let (envelope, fields) = golden(BOLT, &format!("{name}-response"));
    head::response_head(envelope, fields)
}

fn converted(head: &RequestHead, body: &[u8], conversion: &Conversion) -> RequestHead {
    request_to_rpc(head, body, BOLT, conversion, Duration::from_millis(1500)).unwrap()
}

#[test]
fn a_request_becomes_one_of_sofarpc() {
    let fields = [("X-Tenant", "blue"), ("Content-Length", "2"), ("class", "evil")];
    let body = br#"[null, true, 1, 4294967296, 1.5, "x", [1], {"a": 1}, {"class": "a.P", "b": 2}]"#;
    let head = converted(&post("x", "/a.B/echo", &fields), body, &Conversion::default());
    let wanted = [
        ("service", "a.B"),
        ("method", "echo"),
        ("version", "1.0"),
        ("class", "com.alipay.sofa.rpc.core.request.SofaRequest"),
        ("service", "a.B:1.0"),
        ("sofa_head_target_service", "a.B:1.0"),
        ("sofa_head_method_name", "echo"),
        ("x-tenant", "blue"),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    assert_eq!(fields_of(&head.headers), wanted);
    let envelope = head.rpc.unwrap();
    assert_eq!((envelope.timeout, envelope.serialization), (Duration::from_millis(1500), 1));
    let values = values_of(envelope.payload(), Dialect::Draft);
    let Value::Object(object) = &values[0] else { panic!() };
    let types = [
        "java.lang.Object",
        "boolean",
        "int",
        "long",
        "double",
        "java.lang.String",
        "java.util.List",
        "java.util.Map",
        "a.P",
    ];
    let types = Value::list(Some("[string"), types.into_iter().map(text).collect());
    assert_eq!(object.get("methodArgSigs"), Some(&types));
    assert_eq!(object.get("methodName"), Some(&text("echo")));
    assert_eq!(object.get("targetServiceUniqueName"), Some(&text("a.B:1.0")));
    assert_eq!(object.get("requestProps"), Some(&Value::map([("x-tenant".to_owned(), text("blue"))])));
    assert_eq!(values.len(), 10);
    assert_eq!(values[9], Value::object("a.P", [("b", Value::Int(2))]));
}

#[test]
fn its_content_has_the_fields_that_sofarpc_s_has() {
    let names = |envelope: &Envelope| {
        let values = values_of(envelope.payload(), Dialect::of(envelope.payload()));
        let Value::Object(object) = &values[0] else { panic!() };
        let mut names = object.class.fields.clone();
        names.sort();
        (object.class.name.clone(), names)
    };
    let ours = converted(&post("a.B", "/echo", &[]), b"", &Conversion::default()).rpc.unwrap();
    for theirs in ["sofa-object", "node-id"] {
        assert_eq!(names(&ours), names(request(theirs).rpc.as_ref().unwrap()), "{theirs}");
    }
}

#[test]
fn versions_groups_and_types_are_told() {
    let rule = Conversion {
        version: Some("2.0".to_owned()),
        group: Some("blue".to_owned()),
        types: Some(vec!["long".to_owned()]),
        ..Conversion::default()
    };
    let head = converted(&post("a.B", "/echo", &[]), b"1", &rule);
    assert!(has(&head.headers, "sofa_head_target_service", "a.B:2.0:blue"));
    let values = values_of(head.rpc.unwrap().payload(), Dialect::Draft);
    let Value::Object(object) = &values[0] else { panic!() };
    assert_eq!(object.get("methodArgSigs"), Some(&Value::list(Some("[string"), vec![text("long")])));
    let whole = converted(&post("x", "/a.B:3.0/echo", &[]), b"", &Conversion::default());
    assert!(has(&whole.headers, "sofa_head_target_service", "a.B:3.0"));
}

#[test]
fn an_opaque_body_is_the_content() {
    let rule = Conversion { opaque: true, class: Some("a.Order".to_owned()), ..Conversion::default() };
    let head = converted(&post("127.0.0.1", "/", &[("x-tenant", "blue")]), b"\x00\xff", &rule);
    let wanted = [("class", "a.Order"), ("x-tenant", "blue")];
    assert_eq!(fields_of(&head.headers), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(head.rpc.unwrap().payload(), b"\x00\xff");
    let back = response("java-sync");
    let content = back.rpc.as_ref().unwrap().payload().to_vec();
    let (head, body) = response_to_http(&back, &rule).unwrap();
    assert!(has(&head.headers, "content-type", OPAQUE) && head.status == 200);
    assert_eq!(body, content);
    assert!(head.headers.get("class").is_none());
}

#[test]
fn fields_that_do_not_fit_are_refused() {
    let long = "x".repeat(40_000);
    let head = post("a.B", "/m", &[("x-long", &long)]);
    let refused = request_to_rpc(&head, b"", BOLT, &Conversion::default(), Duration::ZERO).unwrap_err();
    assert_eq!(refused.kind(), Kind::BadRequest(431));
    assert!(refused.context().contains("32767"));
}

#[test]
fn answers_of_sofarpc_and_sofa_rpc_node_become_json() {
    assert_eq!(to_http(&response("sofa-generic")), (200, json!("generic")));
    let (status, person) = to_http(&response("sofa-object"));
    assert_eq!((status, &person["class"]), (200, &json!("mecha.peers.sofa.Person")));
    assert_eq!((&person["name"], &person["tags"]), (&json!("Ada"), &json!(["a", "b"])));
    let (status, body) = to_http(&response("sofa-fail"));
    let trouble = json!({"exception": "mecha.peers.sofa.Trouble", "message": "thrown on purpose"});
    assert_eq!((status, body), (500, trouble));
    let (status, body) = to_http(&response("sofa-no-service"));
    assert!(status == 500 && body["message"].as_str().unwrap().contains("cannot find service"), "{body}");
    let (status, body) = to_http(&response("node-fail"));
    assert_eq!((status, body), (500, json!({"message": "Error: thrown on purpose"})));
    assert_eq!(
        to_http(&response("java-busy")),
        (503, json!({"message": "Bolt status 4: the server is busy"}))
    );
    assert_eq!(to_http(&response("java-garbled")).0, 500);
    for name in ["node-id", "node-props", "sofa-id", "sofa-props"] {
        assert_eq!(to_http(&response(name)).0, 200, "{name}");
    }
}

#[test]
fn fields_of_the_answer_come_back() {
    let (head, _) = response_to_http(&response("sofa-fail"), &Conversion::default()).unwrap();
    assert!(has(&head.headers, "sofa_head_response_error", "true"));
}

#[test]
fn calls_of_sofarpc_and_sofa_rpc_node_become_requests() {
    let (head, body) = request_to_http(&request("sofa-object"), &Conversion::default()).unwrap();
    assert_eq!(
        (&*head.authority, &*head.target),
        ("mecha.peers.sofa.Peer", "/mecha.peers.sofa.Peer/echoPerson")
    );
    assert!(has(&head.headers, "version", "1.0") && has(&head.headers, "method", "echoPerson"));
    let person = json!([{"class": "mecha.peers.sofa.Person", "name": "Ada", "age": 36, "tags": ["a", "b"]}]);
    assert_eq!(serde_json::from_slice::<Json>(&body).unwrap(), person);
    let (head, body) = request_to_http(&request("node-id"), &Conversion::default()).unwrap();
    assert!(head.target.ends_with("/id"), "{}", head.target);
    assert!(serde_json::from_slice::<Json>(&body).unwrap().is_array());
    // The library's own users have classes of theirs.
    let theirs = request("java-sync");
    let content = theirs.rpc.as_ref().unwrap().payload().to_vec();
    let (head, body) = request_to_http(&theirs, &Conversion::default()).unwrap();
    assert!(has(&head.headers, "content-type", OPAQUE));
    assert_eq!(body, content);
}

#[test]
fn an_answer_of_http_is_what_sofarpc_reads() {
    let request = request("sofa-object").rpc.unwrap();
    let fields = [("content-type", "application/json"), ("X-Mine", "1")];
    let answer = |head: ResponseHead, body: &str| {
        response_to_rpc(&head, body.as_bytes(), &request, &Conversion::default()).unwrap()
    };
    let head = answer(answered(200, &fields), r#"{"class": "a.B", "x": 1}"#);
    assert!(has(&head.headers, "x-mine", "1"));
    let envelope = head.rpc.as_ref().unwrap();
    assert_eq!((envelope.id, envelope.code), (request.id, 0));
    let values = values_of(envelope.payload(), Dialect::Draft);
    let Value::Object(object) = &values[0] else { panic!() };
    assert_eq!(object.class.name, "com.alipay.sofa.rpc.core.response.SofaResponse");
    assert_eq!(object.get("appResponse"), Some(&Value::object("a.B", [("x", Value::Int(1))])));
    assert_eq!(to_http(&head).1, json!({"class": "a.B", "x": 1}));
    let failed = answer(answered(503, &fields), "busy");
    assert_eq!(failed.rpc.unwrap().code, 4);
    let opaque = Conversion { opaque: true, class: Some("a.C".to_owned()), ..Conversion::default() };
    let head = response_to_rpc(&answered(200, &[]), b"raw", &request, &opaque).unwrap();
    assert!(has(&head.headers, "class", "a.C"));
    assert_eq!(head.rpc.unwrap().payload(), b"raw");
}

//! Dubbo's frames.

use mecha_codec::dubbo::build::{Body, Request, Response};

use super::*;

const DUBBO: Protocol = Protocol::Dubbo;

fn converted(head: &RequestHead, body: &str, conversion: &Conversion) -> RequestHead {
    request_to_rpc(head, body.as_bytes(), DUBBO, conversion, Duration::from_millis(1500)).unwrap()
}

#[test]
fn a_request_becomes_a_generic_call() {
    let fields = [
        ("Version", "1.0.0"),
        ("X-Tenant", "blue"),
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
        ("Content-Type", "application/json"),
        ("Content-Length", "7"),
        ("generic", "bean"),
    ];
    let rule = Conversion { group: Some("g".to_owned()), ..Conversion::default() };
    let body = r#"{"types": ["a.Person", "int"], "args": [{"class": "a.Person", "age": 3}, 7],
        "attachments": {"trace": "t1", "path": "/evil"}}"#;
    let head = converted(&post("x", "/a.B/echo", &fields), body, &rule);
    let wanted = [
        ("dubbo", "2.0.2"),
        ("service", "a.B"),
        ("version", "1.0.0"),
        ("method", "$invoke"),
        ("path", "a.B"),
        ("interface", "a.B"),
        ("version", "1.0.0"),
        ("group", "g"),
        ("generic", "true"),
        ("timeout", "1500"),
        ("x-tenant", "blue"),
        ("trace", "t1"),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    assert_eq!(fields_of(&head.headers), wanted);
    assert_eq!((&*head.authority, head.version), ("a.B", Version::Rpc));
    let envelope = head.rpc.unwrap();
    assert_eq!((envelope.id, envelope.timeout), (0, Duration::from_millis(1500)));
    let person = Value::map([("age".to_owned(), Value::Int(3)), ("class".to_owned(), text("a.Person"))]);
    assert_eq!(
        values_of(envelope.payload(), Dialect::V2),
        [
            text("Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;"),
            text("echo"),
            Value::list(Some("[string"), vec![text("a.Person"), text("int")]),
            Value::list(Some("[object"), vec![person, Value::Int(7)]),
        ]
    );
}

#[test]
fn it_is_the_call_that_dubbo_s_own_consumer_makes() {
    let theirs = golden_request(DUBBO, "generic-person").rpc.unwrap();
    let body = r#"{"types": ["mecha.peers.Person"], "args":
        [{"color": "GREEN", "name": "Ada", "class": "mecha.peers.Person", "age": 36}]}"#;
    let ours = converted(&post("mecha.peers.Echo", "/echoPerson", &[]), body, &Conversion::default());
    let sorted = |frame: &Envelope| {
        let values = values_of(frame.payload(), Dialect::V2);
        let mut values: Vec<_> = values.into_iter().map(|value| format!("{value:?}")).collect();
        // The order of keys is the hash map's.
        values.truncate(3);
        values
    };
    assert_eq!(sorted(&theirs), sorted(ours.rpc.as_ref().unwrap()));
}

#[test]
fn without_types_the_provider_looks_for_the_name() {
    let head = converted(&post("a.B", "/echo", &[]), "[1]", &Conversion::default());
    let values = values_of(head.rpc.as_ref().unwrap().payload(), Dialect::V2);
    assert_eq!(values[2], Value::Null);
    assert!(has(&head.headers, "version", "0.0.0"));
}

#[test]
fn an_opaque_body_is_types_and_arguments() {
    let payload = golden_request(DUBBO, "several-arguments").rpc.unwrap();
    let fields = [("content-type", "application/octet-stream")];
    let head = post("x", "/mecha.peers.Echo/join", &fields);
    let made =
        request_to_rpc(&head, payload.payload(), DUBBO, &Conversion::default(), Duration::ZERO).unwrap();
    assert!(has(&made.headers, "method", "join") && !made.headers.contains("generic"));
    assert_eq!(made.rpc.unwrap().payload(), payload.payload());
    let refused = request_to_rpc(&head, b"\xff", DUBBO, &Conversion::default(), Duration::ZERO);
    assert!(refused.unwrap_err().context().contains("begins with the types of the parameters"));
}

#[test]
fn values_of_java_become_json() {
    let wanted = [
        ("boolean", json!(true)),
        ("byte", json!(-7)),
        ("int", json!(262_144)),
        ("long", json!(1i64 << 40)),
        ("float", json!(3.25)),
        ("double", json!(314_159.0 / 100_000.0)),
        ("char", json!("x")),
        ("string-unicode", json!("日本 ☃ 😀")),
        ("string-chunked", json!("é".repeat(40_000))),
        ("null", json!(null)),
        ("void", json!(null)),
        ("bytes", json!("AAECAwQFBgcICQoLDA0ODxAREhM=")),
        ("date", json!(1_700_000_000_123i64)),
        ("decimal", json!("12345.6789")),
        ("big-integer", json!("1180591620717411303424")),
        ("list", json!(["a", null, "b"])),
        ("map", json!({"one": 1, "two": 2})),
        ("ints", json!([1, -1, 2_147_483_647])),
        ("nested", json!([{"primes": [2, 3, 5]}, {}])),
        ("enum", json!({"class": "mecha.peers.Color", "name": "GREEN"})),
        ("enum-keys", json!({"RED": 1, "BLUE": 3})),
        ("python-string", json!("from Python")),
    ];
    for (name, wanted) in wanted {
        assert_eq!(to_http(&golden_response(DUBBO, name)), (200, wanted), "{name}");
    }
    let (_, person) = to_http(&golden_response(DUBBO, "person"));
    assert_eq!(person["class"], "mecha.peers.Person");
    assert_eq!((&person["friend"]["name"], &person["extras"]["height"]), (&json!("Charles"), &json!("1.65")));
    let (_, generic) = to_http(&golden_response(DUBBO, "generic-person"));
    assert_eq!((&generic["name"], &generic["color"]), (&json!("Ada"), &json!("GREEN")));
}

#[test]
fn every_frame_of_a_provider_is_an_answer() {
    let folder = format!("{}/../codec/goldens/dubbo", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut seen = 0;
    for name in names.filter_map(|name| Some(name.to_str()?.strip_suffix(".bin")?.to_owned())) {
        let Some(name) = name.strip_prefix("response-") else { continue };
        let converted = response_to_http(&golden_response(DUBBO, name), &Conversion::default());
        match name {
            "cyclic" => {
                let error = converted.unwrap_err();
                assert_eq!(error.kind(), Kind::UpstreamProtocol);
                assert_eq!(error.context(), "a value that contains itself has no form in JSON");
            }
            "fastjson2" => assert!(has(&converted.unwrap().0.headers, "content-type", OPAQUE)),
            _ => assert!(has(&converted.unwrap().0.headers, "content-type", JSON), "{name}"),
        }
        seen += 1;
    }
    assert!(seen > 30);
}

#[test]
fn exceptions_and_statuses_are_errors_with_a_text() {
    let failed = |name: &str| to_http(&golden_response(DUBBO, name));
    let declared = json!({"exception": "mecha.peers.Refused", "message": "not today"});
    assert_eq!(failed("exception-declared"), (500, declared));
    let runtime = json!({"exception": "java.lang.IllegalStateException", "message": "broken"});
    assert_eq!(failed("exception-runtime"), (500, runtime));
    let (status, body) = failed("generic-exception");
    // What is in the exception of the generic call, not that one.
    assert!(status == 500 && body["exception"] == "mecha.peers.Refused", "{body}");
    let (status, body) = failed("unknown-service");
    assert!(status == 400 && body["message"].as_str().unwrap().contains("methodName=echoString"), "{body}");
    let (status, body) = failed("refused");
    assert!(status == 503 && !body["message"].as_str().unwrap().contains('\n'), "{body}");
}

#[test]
fn attachments_of_the_answer_are_its_fields() {
    let theirs = golden_response(DUBBO, "attachments");
    let names: Vec<_> = fields_of(&theirs.headers).into_iter().map(|(name, _)| name.to_lowercase()).collect();
    let (head, _) = response_to_http(&theirs, &Conversion::default()).unwrap();
    assert!(names.len() > 1);
    for name in names {
        assert!(head.headers.contains(&name), "{name}");
    }
    let mut frame = BytesMut::new();
    let attachments: [(&[u8], &[u8]); 3] =
        [(b"X-Mine", b"1"), (b"content-length", b"9"), (b"connection", b"x")];
    Response { id: 1, body: Body::Null, attachments: Some(&attachments) }.write(&mut frame);
    let (envelope, fields) = read_back(DUBBO, frame).unwrap();
    let (head, _) = response_to_http(&head::response_head(envelope, fields), &Conversion::default()).unwrap();
    let wanted = [("x-mine", "1"), ("content-type", "application/json")];
    assert_eq!(fields_of(&head.headers), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_call_of_dubbo_s_own_consumer_becomes_a_request() {
    let asked = |name: &str| {
        let (head, body) = request_to_http(&golden_request(DUBBO, name), &Conversion::default()).unwrap();
        assert!(has(&head.headers, "content-type", JSON) && head.method == Method::POST);
        assert_eq!(head.authority, "mecha.peers.Echo");
        (head, serde_json::from_slice::<Json>(&body).unwrap())
    };
    let (head, body) = asked("several-arguments");
    assert_eq!((&*head.target, body), ("/mecha.peers.Echo/join", json!(["a", 1, ["x", "y"]])));
    let (head, body) = asked("generic-person");
    assert_eq!(head.target, "/mecha.peers.Echo/echoPerson");
    assert!(has(&head.headers, "method", "echoPerson"));
    assert_eq!((&body[0]["name"], &body[0]["class"]), (&json!("Ada"), &json!("mecha.peers.Person")));
    let (head, _) = asked("attachments");
    assert!(has(&head.headers, "interface", "mecha.peers.Echo"));
    let (head, body) = request_to_http(&golden_request(DUBBO, "fastjson2"), &Conversion::default()).unwrap();
    assert!(has(&head.headers, "content-type", OPAQUE) && !body.is_empty());
    let refused = request_to_http(&golden_request(DUBBO, "cyclic"), &Conversion::default()).unwrap_err();
    assert_eq!(refused.kind(), Kind::BadRequest(400));
}

#[test]
fn an_answer_of_http_is_what_a_consumer_reads() {
    let request = golden_request(DUBBO, "string").rpc.unwrap();
    let answer = |head: ResponseHead, body: &str| {
        let head = response_to_rpc(&head, body.as_bytes(), &request, &Conversion::default()).unwrap();
        assert_eq!(head.rpc.as_ref().unwrap().id, request.id);
        head
    };
    let json_fields = [("content-type", "application/json; charset=utf-8"), ("X-Mine", "1"), ("date", "now")];
    let head = answer(answered(200, &json_fields), "\"hello\"");
    assert_eq!(fields_of(&head.headers), [("x-mine".to_owned(), "1".to_owned())]);
    assert_eq!(values_of(head.rpc.unwrap().payload(), Dialect::V2), [text("hello")]);
    // What names a class is an object of it, since the call was not a generic one.
    let head = answer(answered(200, &json_fields), r#"{"class": "a.B", "x": 1}"#);
    let wanted = Value::object("a.B", [("x", Value::Int(1))]);
    assert_eq!(values_of(head.rpc.unwrap().payload(), Dialect::V2), [wanted]);
    let head = answer(answered(200, &[("content-type", "text/plain")]), "{");
    assert_eq!(values_of(head.rpc.unwrap().payload(), Dialect::V2), [text("{")]);
    assert_eq!(to_http(&answer(answered(204, &[]), "")), (200, Json::Null));
    let failed = answer(answered(503, &json_fields), r#"{"message": "try later"}"#);
    assert_eq!(failed.rpc.as_ref().unwrap().code, 40);
    assert_eq!(to_http(&failed).1, json!({"message": "503|try later"}));
    let broken = response_to_rpc(&answered(200, &json_fields), b"{", &request, &Conversion::default());
    assert_eq!(broken.unwrap_err().kind(), Kind::UpstreamProtocol);
}

#[test]
fn consumers_that_know_no_attachments_get_none() {
    let request = golden_request(DUBBO, "python-string").rpc.unwrap();
    let head = answered(200, &[("content-type", "application/json"), ("x-mine", "1")]);
    let head = response_to_rpc(&head, b"1", &request, &Conversion::default()).unwrap();
    assert!(head.headers.is_empty());
    assert_eq!(head.rpc.unwrap().raw[16], 0x91);
}

#[test]
fn frames_with_broken_arguments_are_refused() {
    let request = |types: &str, arguments: &[u8]| {
        let mut frame = BytesMut::new();
        Request {
            id: 1,
            one_way: false,
            dubbo_version: "2.0.2",
            service: "a.B",
            version: "",
            method: "m",
            parameter_types: types,
            arguments,
            attachments: &[],
        }
        .write(&mut frame);
        let (envelope, fields) = read_back(DUBBO, frame).unwrap();
        let refused = request_to_http(&head::request_head(envelope, fields), &Conversion::default());
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), Kind::BadRequest(400));
        error.context().to_owned()
    };
    assert!(request("I", &[b'W'; 5000]).starts_with("the arguments can't be read: too many levels"));
    assert!(request("I", &[0x51]).starts_with("the arguments can't be read"));
    assert_eq!(request("Q", &[]), "the types of the parameters are not as Java writes them");
}

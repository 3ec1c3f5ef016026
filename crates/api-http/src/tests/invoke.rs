//! Invocation, here of the own application; what crosses processes is tested with real ones.

use http::Request;
use mecha_runtime::Body;

use super::{Answer, Fixture};

async fn ask(api: &Fixture, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::put(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body("hello".to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn the_application_is_found_by_path_header_or_user() {
    let api = Fixture::new().await;
    // dapr-app-id:orders
    let basic = [("authorization", "Basic ZGFwci1hcHAtaWQ6b3JkZXJz")];
    for (path, headers) in [
        ("/v1.0/invoke/orders/method/new/1?q=a+b", &[][..]),
        ("/new/1?q=a+b", &[("dapr-app-id", "orders")][..]),
        ("/new/1?q=a+b", &basic[..]),
    ] {
        let answer = ask(&api, path, headers).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (201, "hello"), "{path}");
        assert_eq!(answer.headers["x-answer"], "yes");
        assert!(!answer.headers.contains_key("connection"));
        let (head, body) = api.app.asked.lock().pop().unwrap();
        assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("PUT", "/new/1?q=a+b"));
        assert_eq!(body, "hello");
        assert!(!head.headers.contains_key("dapr-app-id"));
    }
}

#[tokio::test]
async fn a_call_of_no_route_and_no_application_is_not_found() {
    let api = Fixture::new().await;
    let why = "failed getting app id either from the URL path or the header dapr-app-id";
    for path in ["/", "/v1.0/nothing", "/v1.0/invoke/orders", "/v1.0/state/mem/a/b"] {
        ask(&api, path, &[]).await.is_error(404, "ERR_DIRECT_INVOKE", why);
    }
    assert!(api.app.asked.lock().is_empty());
}

#[tokio::test]
async fn the_application_is_told_the_trace() {
    let api = Fixture::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let headers = [("traceparent", parent), ("tracestate", "a=b"), ("baggage", "c=d")];
    let answer = ask(&api, "/v1.0/invoke/orders/method/m", &headers).await;
    let (head, _) = api.app.asked.lock().pop().unwrap();
    let told = head.headers["traceparent"].to_str().unwrap();
    assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && told != parent, "{told}");
    assert_eq!(head.headers["tracestate"], "a=b");
    assert_eq!(head.headers["baggage"], "c=d");
    assert_eq!(answer.headers["traceparent"], told);
    assert_eq!(answer.headers["tracestate"], "a=b");
}

#[tokio::test]
async fn a_body_over_the_limit_ends_the_call() {
    let api = Fixture::with(|config| config.apis.max_body = 4).await;
    let request = Request::post("/v1.0/invoke/orders/method/m");
    let refused = api.send(request.body(Body::from("hello".to_owned())).unwrap()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["errorCode"].as_str()),
        (500, Some("ERR_DIRECT_INVOKE"))
    );
}

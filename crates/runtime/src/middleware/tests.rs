//! Pipelines: the order of their steps, and what a step may do.

use futures_util::FutureExt;
use http_body_util::BodyExt;

use super::*;

/// Writes its name before and after what follows.
struct Mark(&'static str);

impl Middleware for Mark {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            request.headers_mut().append("in", self.0.parse().unwrap());
            let mut response = next.run(request).await;
            response.headers_mut().append("out", self.0.parse().unwrap());
            response
        })
    }
}

fn echo<'a>(request: Request) -> BoxFuture<'a, Response> {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(body);
    *response.headers_mut() = parts.headers;
    async { response }.boxed()
}

fn values(response: &Response, name: &str) -> Vec<String> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn steps_run_outermost_first_and_return_in_reverse() {
    let pipeline = Pipeline(vec![Arc::new(Mark("a")), Arc::new(Mark("b"))]);
    let response = pipeline.run(Request::new(Body::empty()), echo).await;
    assert_eq!(values(&response, "in"), ["a", "b"]);
    assert_eq!(values(&response, "out"), ["b", "a"]);
}

#[tokio::test]
async fn uppercase_changes_whole_and_streamed_bodies() {
    let runtime = crate::testing::runtime();
    let properties = Properties::default();
    let step = uppercase::make(&Making { properties: &properties, runtime: &runtime }).unwrap();
    let pipeline = Pipeline(vec![step]);
    let streamed = http_body_util::Full::new(bytes::Bytes::from("héllo")).boxed();
    for body in [Body::from("héllo".to_owned()), Body::new(streamed)] {
        let response = pipeline.run(Request::new(body), echo).await;
        assert_eq!(response.into_body().read(100).await.unwrap(), "HéLLO");
    }
}

#[tokio::test]
async fn the_router_checker_refuses_paths() {
    let runtime = crate::testing::runtime();
    let properties = Properties::from_iter([("rule", "^/v1.0/[a-z/]+$")]);
    let step = router_checker::make(&Making { properties: &properties, runtime: &runtime }).unwrap();
    let pipeline = Pipeline(vec![step]);
    let ask = |path: &str| http::Request::builder().uri(path).body(Body::empty()).unwrap();
    assert_eq!(pipeline.run(ask("/v1.0/state"), echo).await.status(), 200);
    let refused = pipeline.run(ask("/v1.0/../x"), echo).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.into_body().read(100).await.unwrap(), "invalid router");
}

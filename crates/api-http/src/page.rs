//! The metrics port: Prometheus text, whatever the path (reference 3.8).

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use mecha_runtime::Runtime;
use tower::Service;

use crate::reply::{self, Reply};

/// The page of metrics.
#[derive(Clone)]
pub struct MetricsPage(Arc<Runtime>);

/// The metrics port.
pub fn metrics_router(runtime: Arc<Runtime>) -> MetricsPage {
    MetricsPage(runtime)
}

impl<B> Service<Request<B>> for MetricsPage {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let mut page = reply::status(StatusCode::OK, self.0.metrics().text().into());
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        page.headers_mut().insert(CONTENT_TYPE, kind);
        ready(Ok(page))
    }
}

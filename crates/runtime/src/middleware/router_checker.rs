//! `middleware.http.routerchecker`: requests whose path does not match the expression `rule` are refused (400).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::StatusCode;
use mecha_component::Error;
use regex::Regex;

use super::{Making, Middleware, Next, Request, Response, answer};

struct RouterChecker(Regex);

pub(super) fn make(making: &Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>> {
    let rule = making.properties.required("rule")?;
    let rule = Regex::new(rule).map_err(|error| Error::configuration(format!("rule: {error}")))?;
    Ok(Arc::new(RouterChecker(rule)))
}

impl Middleware for RouterChecker {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        if self.0.is_match(request.uri().path()) {
            return next.run(request);
        }
        Box::pin(async { answer(StatusCode::BAD_REQUEST, "invalid router") })
    }
}

//! Service invocation, and whatever has no other route: mesh-style callers put the application's id into a header and
//! leave the path as it is (reference 1.5, 9.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;
use http::{Request, Uri};
use mecha_runtime::invoke::forget_connection;
use mecha_runtime::{ApiError, Invocation};

use crate::call::Call;
use crate::path::unescape;
use crate::reply::Outcome;

/// The header that names the application.
const APP_ID: &str = "dapr-app-id";
/// Between the id and the method in a path.
const METHOD: &str = "/method/";

/// Any method on `/v1.0/invoke/{id}/method/{method}`, or on any path that has no route.
pub(crate) async fn invoke(call: Call) -> Outcome {
    let Call { runtime, mut head, body, .. } = call;
    let (target, method) = callee(&head).ok_or_else(ApiError::invoke_no_app_id)?;
    let uri = method_uri(&method, head.uri.query())
        .ok_or_else(|| ApiError::invoke_failed(&target, "the method is no path"))?;
    head.uri = uri;
    head.headers.remove(APP_ID);
    let request = Request::from_parts(head, body);
    let mut reply = runtime.invoke(Invocation { target, request }).await?;
    // What the callee says about its own connection is not for the caller's.
    forget_connection(reply.headers_mut());
    Ok(reply)
}

/// Whom the call is for, and its method (still escaped): by header, by the user of basic authentication, or by path.
pub(crate) fn callee(head: &Parts) -> Option<(String, String)> {
    let path = head.uri.path();
    by_header(&head.headers)
        .or_else(|| by_user(&head.headers))
        .map(|target| (target, path.to_owned()))
        .or_else(|| by_path(path))
}

fn by_header(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(APP_ID)?.to_str().ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// `http://dapr-app-id:orders@localhost:3500/...`: the password is the id.
fn by_user(headers: &HeaderMap) -> Option<String> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (user, id) = decoded.split_once(':')?;
    (user.eq_ignore_ascii_case(APP_ID) && !id.is_empty() && !id.contains(':')).then(|| id.to_owned())
}

/// The path is taken as it was sent: cleaning would make `http:/` of `http://`.
fn by_path(path: &str) -> Option<(String, String)> {
    let mut rest = path;
    for segment in ["v1.0", "invoke"] {
        rest = rest.trim_start_matches('/').strip_prefix(segment)?;
        rest.strip_prefix('/')?;
    }
    let rest = rest.trim_start_matches('/');
    let (target, method) = rest.split_once(METHOD).filter(|(target, _)| !target.is_empty())?;
    let target = match unescape(target) {
        Ok(decoded) if !decoded.is_empty() => decoded.into_owned(),
        _ => target.to_owned(),
    };
    Some((target, method.to_owned()))
}

fn method_uri(method: &str, query: Option<&str>) -> Option<Uri> {
    let method = method.trim_start_matches('/');
    let text = match query {
        Some(query) => format!("/{method}?{query}"),
        None => format!("/{method}"),
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callee(path: &str, headers: &[(&str, &str)]) -> Option<(String, String)> {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        super::callee(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_callee_is_named_in_one_of_three_places() {
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        let named = |target: &str, method: &str| Some((target.to_owned(), method.to_owned()));
        let path = "/v1.0/invoke/orders/method/a/b";
        assert_eq!(callee(path, &[]), named("orders", "a/b"));
        assert_eq!(callee(path, &[("dapr-app-id", "cart")]), named("cart", path));
        assert_eq!(callee("/a", &[("authorization", &basic("dapr-app-id:cart"))]), named("cart", "/a"));
        assert_eq!(callee("/a", &[("authorization", &basic("somebody:cart"))]), None);
        assert_eq!(callee("/a", &[]), None);
        assert_eq!(callee("/v1.0/invoke/orders", &[]), None);
        assert_eq!(callee("/v1.0/invoker/orders/method/a", &[]), None);
    }

    #[test]
    fn an_id_may_be_a_url() {
        let named = |target: &str, method: &str| Some((target.to_owned(), method.to_owned()));
        let expected = named("http://example.com:80", "a");
        assert_eq!(callee("//v1.0//invoke//http://example.com:80/method/a", &[]), expected);
        assert_eq!(callee("/v1.0/invoke/http%3A%2F%2Fexample.com%3A80/method/a", &[]), expected);
        assert_eq!(callee("/v1.0/invoke/orders.other/method/", &[]), named("orders.other", ""));
    }
}

//! Calls that do not come about.

use axum::Router;
use axum::routing::any;
use mecha_config::runtime::settings::AccessControl;
use mecha_runtime::GrpcCode;
use tokio::net::TcpListener;

use crate::kit::{callee, caller, get, runtime, serve, soon, to_orders};

fn app() -> std::net::SocketAddr {
    serve(Router::new().fallback(any(|| async { "ok" })))
}

#[tokio::test]
async fn an_application_that_nobody_knows_is_named() {
    let shop = runtime("shop", |config| {
        let settings = serde_json::json!({});
        let component = mecha_config::runtime::settings::NameResolution {
            component: "static".to_owned(),
            configuration: settings,
        };
        config.settings.name_resolution = Some(component);
        config.resources.resiliency = crate::failures::no_retries();
    });
    let error = soon(shop.invoke(to_orders(get("/x")))).await.err().unwrap();
    assert_eq!((error.code(), error.http()), ("ERR_DIRECT_INVOKE", 500));
    assert_eq!(error.message(), "failed to invoke, id: orders, err: couldn't find service: orders");
}

/// A policy for calls that makes them once.
pub(crate) fn no_retries() -> Vec<mecha_config::runtime::Resiliency> {
    let timeouts = [("once".to_owned(), std::time::Duration::from_secs(20))].into();
    let target =
        mecha_config::runtime::resiliency::Target { timeout: Some("once".to_owned()), ..Default::default() };
    let apps = [("orders".to_owned(), target)].into();
    vec![mecha_config::runtime::Resiliency { timeouts, apps, ..Default::default() }]
}

#[tokio::test]
async fn a_runtime_that_is_gone_is_tried_again_before_the_caller_is_told() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let shop = caller(gone);
    let error = soon(shop.invoke(to_orders(get("/x")))).await.err().unwrap();
    let said = "failed to invoke, id: orders, err: failed to invoke target orders after 3 retries. Error: \
                rpc error: code = Unavailable desc = upstream connection failed";
    assert!(error.message().starts_with(said), "{error}");
    assert_eq!(error.http(), 500);
}

#[tokio::test]
async fn an_application_without_a_server_takes_no_calls() {
    let shop = caller(callee(None, |_| ()));
    let error = soon(shop.invoke(to_orders(get("/x")))).await.err().unwrap();
    let said =
        "failed to invoke, id: orders, err: rpc error: code = Internal desc = app channel is not initialized";
    assert_eq!(error.message(), said);
}

#[tokio::test]
async fn an_unhealthy_application_takes_no_calls() {
    let orders = callee(Some(app()), |config| {
        config.app.health = Some(mecha_config::runtime::HealthCheck {
            path: "/healthz".to_owned(),
            interval: std::time::Duration::from_secs(5),
            timeout: std::time::Duration::from_secs(1),
            threshold: 3,
        });
    });
    let error = soon(caller(orders).invoke(to_orders(get("/x")))).await.err().unwrap();
    assert!(error.message().ends_with("desc = app is not in a healthy state"), "{error}");
}

#[tokio::test]
async fn what_the_access_policy_denies_is_forbidden() {
    let orders = callee(Some(app()), |config| {
        config.settings.access_control = Some(AccessControl::default());
    });
    let error = soon(caller(orders).invoke(to_orders(get("/admin/x")))).await.err().unwrap();
    assert_eq!((error.http(), error.grpc()), (403, GrpcCode::PermissionDenied));
    assert!(error.message().contains("access control policy has denied access"), "{error}");
    assert!(error.message().contains("operation: admin/x verb: GET"), "{error}");
}

#[tokio::test]
async fn a_method_that_could_be_read_two_ways_is_refused() {
    let shop = caller(callee(Some(app()), |_| ()));
    let error = soon(shop.invoke(to_orders(get("/a%23b")))).await.err().unwrap();
    assert_eq!(
        error.message(),
        "failed to invoke, id: orders, err: method contains forbidden character: \"a#b\""
    );
}

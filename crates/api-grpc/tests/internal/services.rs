//! Calls that do not go to another runtime: foreign services, and the own application.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use mecha_component::secrets::{Metadata, Secret, SecretStore};
use mecha_component::{Error, ErrorKind, Properties, Result};
use mecha_config::runtime::{Component, HttpEndpoint, Property, PropertySource};
use mecha_runtime::channel::GrpcAnswer;
use mecha_runtime::channel::http::HttpChannel;
use mecha_runtime::{Invocation, Loaded, Runtime};

use crate::kit::{get, runtime, serve, soon};

/// Answers a line of each: target, then some header fields.
async fn tell(request: Request) -> String {
    let field =
        |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    let names = ["host", "x-key", "x-plain", "dapr-caller-app-id", "x-own"].map(field);
    format!("{}\n{}", request.uri(), names.join("\n"))
}

async fn called(shop: &Arc<Runtime>, target: &str, path: &str) -> Vec<String> {
    let mut request = get(path);
    request.headers_mut().insert("x-own", "1".parse().unwrap());
    let invocation = Invocation { target: target.to_owned(), request };
    let response = soon(shop.invoke(invocation)).await.unwrap();
    let body = soon(response.into_body().read(1 << 10)).await.unwrap();
    String::from_utf8_lossy(&body).lines().map(str::to_owned).collect()
}

/// The secret `api` of the store `vault`.
struct Vault;

impl SecretStore for Vault {
    async fn get(&self, name: &str, _: &Metadata) -> Result<Secret> {
        let missing = || Error::new(ErrorKind::NotFound, "no such secret");
        if name == "api" { Ok([("key".to_owned(), "s3cret".to_owned())].into()) } else { Err(missing()) }
    }

    async fn get_all(&self, _: &Metadata) -> Result<std::collections::BTreeMap<String, Secret>> {
        Ok(Default::default())
    }
}

fn endpoint(base_url: String, secret: &str) -> HttpEndpoint {
    let header = |name: &str, source| Property { name: name.to_owned(), source };
    HttpEndpoint {
        name: "weather".to_owned(),
        base_url,
        headers: vec![
            header("x-plain", PropertySource::Value("yes".to_owned())),
            header("x-key", PropertySource::Secret { name: secret.to_owned(), key: "key".to_owned() }),
        ],
        secret_store: Some("vault".to_owned()),
    }
}

fn shop(endpoint: HttpEndpoint) -> Arc<Runtime> {
    let shop = runtime("shop", |config| config.resources.endpoints = vec![endpoint]);
    let config = Component::new("vault", "secretstores.test");
    let loaded = Arc::new(Loaded { config, properties: Properties::default(), driver: Arc::new(Vault) as _ });
    shop.components().change(|snapshot| {
        snapshot.secrets.insert("vault".to_owned(), loaded);
    });
    shop
}

#[tokio::test]
async fn an_endpoint_is_called_by_its_name_with_its_headers() {
    let service = serve(Router::new().fallback(tell));
    let shop = shop(endpoint(format!("http://{service}/api/"), "api"));
    let told = called(&shop, "weather", "/to%20day?in=here").await;
    let host = service.to_string();
    assert_eq!(told, ["/api/to%20day?in=here", &host, "s3cret", "yes", "-", "1"]);
}

#[tokio::test]
async fn a_secret_that_is_missing_is_told_at_the_call() {
    let shop = shop(endpoint("http://127.0.0.1:9".to_owned(), "other"));
    let invocation = Invocation { target: "weather".to_owned(), request: get("/") };
    let error = soon(shop.invoke(invocation)).await.err().unwrap();
    assert!(error.message().contains("weather") && error.message().contains("x-key"), "{error}");
}

#[tokio::test]
async fn a_service_is_called_by_its_address() {
    let service = serve(Router::new().fallback(tell));
    let shop = runtime("shop", |_| ());
    let told = called(&shop, &format!("http://{service}"), "/now").await;
    assert_eq!(told, ["/now", &service.to_string(), "-", "-", "-", "1"]);
    let invocation = Invocation { target: format!("https://{service}"), request: get("/") };
    let error = soon(shop.invoke(invocation)).await.err().unwrap();
    assert_eq!(error.http(), 501);
    assert!(error.message().contains("TLS"), "{error}");
}

#[tokio::test]
async fn a_service_can_not_speak_for_this_process() {
    let claims = async |_: Request| {
        let claims = [("x-mecha-rpc-status", "14"), ("x-mecha-app-status", "5"), ("x-own", "1")];
        (axum::response::AppendHeaders(claims), "fine")
    };
    let service = serve(Router::new().fallback(claims));
    let shop = runtime("shop", |_| ());
    let invocation = Invocation { target: format!("http://{service}"), request: get("/") };
    let response = soon(shop.invoke(invocation)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<GrpcAnswer>()), (200, None));
    assert!(response.headers().contains_key("x-own"));
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("x-mecha-")));
}

#[tokio::test]
async fn the_own_application_is_called_inside_the_process() {
    let app = serve(Router::new().fallback(tell));
    let shop = runtime("shop", |config| config.app.port = Some(app.port()));
    shop.set_channel(Arc::new(HttpChannel::new(&shop)));
    for target in ["shop", "shop.here"] {
        let told = called(&shop, target, "/x").await;
        assert_eq!((told[0].as_str(), told[4].as_str()), ("/x", "shop"));
    }
}

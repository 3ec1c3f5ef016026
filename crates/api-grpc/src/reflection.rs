//! Server reflection, versions 1 and 1 alpha: what tools such as grpcurl ask a server for its services. The
//! descriptors are decoded when somebody asks for the first time.

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::Response;
use tonic::Status;
use tonic_reflection::server::{Builder, Error};
use tower::ServiceExt;

/// The descriptors of Dapr's API.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/dapr.bin"));
/// The service of ours among those that have descriptors.
const SERVICE: &str = "dapr.proto.runtime.v1.Dapr";
const VERSIONS: [&str; 2] =
    ["/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// Whether a call is one of reflection.
pub(crate) fn is(path: &str) -> bool {
    VERSIONS.iter().any(|version| path.starts_with(version))
}

/// Answers a call of reflection.
pub(crate) async fn answer(request: Request) -> Response<Body> {
    static SERVICES: OnceLock<Option<Router>> = OnceLock::new();
    let services = SERVICES.get_or_init(|| {
        let built = services();
        built.inspect_err(|error| tracing::error!("server reflection is off: {error}")).ok()
    });
    match services {
        Some(services) => {
            let Ok(response) = services.clone().oneshot(request).await;
            response
        }
        None => Status::unimplemented("server reflection is off").into_http(),
    }
}

fn services() -> Result<Router, Error> {
    let builder =
        || Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS).with_service_name(SERVICE);
    let (v1, alpha) = (builder().build_v1()?, builder().build_v1alpha()?);
    let [v1_path, alpha_path] = VERSIONS.map(|version| format!("{version}{{call}}"));
    Ok(Router::new().route_service(&v1_path, v1).route_service(&alpha_path, alpha))
}

//! Foreign services: those that HTTPEndpoint resources describe (reference 3.4), absolute URLs, and clusters of the
//! configuration whose hosts speak an RPC protocol.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Uri, header};
use mecha_config::runtime::{HttpEndpoint, Property, PropertySource};
use mecha_config::{Cluster, Speaks};
use mecha_proxy::Worker;

use super::method;
use crate::doors;
use crate::error::ApiError;
use crate::names::Known;
use crate::runtime::Runtime;

/// A foreign service.
#[derive(Debug)]
pub(crate) struct Service {
    known: Known,
    authority: HeaderValue,
    /// Without a slash at its end.
    base: String,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Service {
    /// Its cluster.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// Makes a request one to this service.
    ///
    /// # Errors
    /// When path and query can't be sent.
    pub(super) fn dress(&self, head: &mut Parts, path: &str, query: Option<&str>) -> Result<(), String> {
        head.uri = method::uri(&self.base, path, query)?;
        for (name, value) in &self.fields {
            head.headers.insert(name, value.clone());
        }
        head.headers.insert(header::HOST, self.authority.clone());
        Ok(())
    }
}

/// The service of a URL.
///
/// # Errors
/// 501 for `https`; `ERR_DIRECT_INVOKE` for what is no URL of a service.
pub(super) fn service(target: &str, url: &Uri) -> Result<Service, ApiError> {
    let invalid = || ApiError::invoke_failed(target, &format!("invalid URL {url}"));
    match url.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(ApiError::unimplemented("service invocation over TLS (https)")),
        _ => return Err(invalid()),
    }
    let host = url.host().ok_or_else(invalid)?;
    let port = url.port_u16().unwrap_or(80);
    let authority = url.authority().map_or_else(
        || host.to_owned(),
        |authority| {
            // User information is not sent.
            authority.as_str().rsplit('@').next().unwrap_or_default().to_owned()
        },
    );
    let name = format!("dapr.endpoint/{host}:{port}");
    let cluster = doors::cluster(&name, vec![doors::host_address(host, port)], Speaks::Http1);
    Ok(Service {
        known: Known::new(cluster).ok_or_else(invalid)?,
        authority: HeaderValue::try_from(authority).map_err(|_| invalid())?,
        base: url.path().trim_end_matches('/').to_owned(),
        fields: Vec::new(),
    })
}

/// The service of a configured cluster whose hosts speak an RPC protocol: what the exchange makes of a call to it is
/// the method that the path names, of the service that the cluster is named after or that the path names too.
pub(super) fn rpc(name: &str) -> Option<Service> {
    let speaks = Worker::current()?.speaks(name)?;
    if matches!(speaks, Speaks::Http1 | Speaks::Http2 | Speaks::Dapr) {
        return None;
    }
    let known = Cluster { name: name.to_owned(), speaks: Some(speaks), ..Cluster::default() };
    Some(Service {
        known: Known::new(known)?,
        authority: HeaderValue::try_from(name).ok()?,
        base: String::new(),
        fields: Vec::new(),
    })
}

impl Runtime {
    /// The service of a resource; its headers are looked up at its first use.
    pub(super) async fn endpoint(&self, endpoint: &HttpEndpoint) -> Result<Arc<Service>, ApiError> {
        if let Some(known) = self.names().service(&endpoint.name) {
            return Ok(known);
        }
        let failed = |reason: &str| ApiError::invoke_failed(&endpoint.name, reason);
        let url: Uri =
            endpoint.base_url.parse().map_err(|error| failed(&format!("invalid base URL: {error}")))?;
        let mut service = service(&endpoint.name, &url)?;
        for header in &endpoint.headers {
            let value = self.header_value(endpoint, header).await?;
            let name = HeaderName::try_from(&header.name).map_err(|error| failed(&error.to_string()))?;
            let value = HeaderValue::try_from(value)
                .map_err(|_| failed(&format!("the value of header {name} can't be sent")))?;
            service.fields.push((name, value));
        }
        let service = Arc::new(service);
        self.names().keep_service(&endpoint.name, service.clone());
        Ok(service)
    }

    async fn header_value(&self, endpoint: &HttpEndpoint, header: &Property) -> Result<String, ApiError> {
        match &header.source {
            PropertySource::Value(value) => Ok(value.clone()),
            PropertySource::Env(name) => {
                Ok(self.environment("HTTPEndpoint", &endpoint.name, name).unwrap_or_default())
            }
            PropertySource::Secret { name, key } => {
                let failed = |reason: String| ApiError::invoke_failed(&endpoint.name, &reason);
                let store = endpoint.secret_store.as_deref().unwrap_or_default();
                let now = self.components().now();
                let store = now.secrets.get(store).ok_or_else(|| {
                    failed(format!("header {}: there is no secret store {store}", header.name))
                })?;
                let secret = store
                    .driver
                    .get(name, &Default::default())
                    .await
                    .map_err(|error| failed(format!("header {}: {error}", header.name)))?;
                let key = if key.is_empty() { name } else { key };
                secret.get(key).cloned().ok_or_else(|| {
                    failed(format!("header {}: the secret {name} has no key {key}", header.name))
                })
            }
        }
    }
}

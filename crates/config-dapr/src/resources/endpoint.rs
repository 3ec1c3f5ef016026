//! HTTP endpoints: foreign services that are called by name.

use mecha_config::runtime::HttpEndpoint;

use super::head::Head;
use super::property::properties;

/// An endpoint; `None` when it has no usable URL.
pub(super) fn endpoint(head: &Head<'_>) -> Option<HttpEndpoint> {
    let spec = &head.spec;
    spec.not_in_effect(&["clientTLS"]);
    let headers = properties(spec, "headers");
    let Some((node, url)) = spec.text_at("baseUrl") else {
        spec.node()
            .error_with("this endpoint has no URL", "set spec.baseUrl, for example http://pay.example:8080");
        return None;
    };
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        node.error_with(
            format!("\"{}\" is no URL of an HTTP service", mecha_document::shortened(url)),
            "write http://host:port or https://host:port",
        );
        return None;
    }
    let (name, base_url, secret_store) = (head.name.clone(), url.to_owned(), head.secret_store.clone());
    Some(HttpEndpoint { name, base_url, headers, secret_store })
}

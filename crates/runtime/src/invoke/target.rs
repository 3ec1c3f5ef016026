//! What the target of an invocation names.

use http::Uri;
use mecha_config::runtime::HttpEndpoint;

use super::endpoint::{self, Service};
use crate::names::AppName;
use crate::runtime::Runtime;

/// What is called.
pub(super) enum Target<'r> {
    /// The runtime's own application.
    Own,
    /// Another application.
    App(AppName),
    /// A service that a resource describes.
    Endpoint(&'r HttpEndpoint),
    /// A service by its address.
    Url(Uri),
    /// A configured cluster whose hosts speak an RPC protocol, by its name: a Dubbo or Bolt service.
    Rpc(Service),
}

impl<'r> Target<'r> {
    /// Reads it.
    ///
    /// # Errors
    /// When it can't name anything.
    pub(super) fn of(text: &str, runtime: &'r Runtime) -> Result<Self, String> {
        if let Some(endpoint) =
            runtime.config().resources.endpoints.iter().find(|endpoint| endpoint.name == text)
        {
            return Ok(Target::Endpoint(endpoint));
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return text.parse().map(Target::Url).map_err(|error| format!("invalid URL {text}: {error}"));
        }
        if let Some(service) = endpoint::rpc(text) {
            return Ok(Target::Rpc(service));
        }
        let app = AppName::parse(text, &runtime.config().identity.namespace)?;
        Ok(if runtime.is_own(&app) { Target::Own } else { Target::App(app) })
    }
}

impl Runtime {
    /// Whether this is the runtime's own application. Calls to it never leave the process.
    pub(crate) fn is_own(&self, app: &AppName) -> bool {
        let identity = &self.config().identity;
        app.id == identity.app_id && app.namespace == identity.namespace
    }
}

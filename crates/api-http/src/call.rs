//! One call of the API: the request, taken apart as far as its route says.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use mecha_runtime::body::BodyError;
use mecha_runtime::{ApiError, Body, GrpcCode, Runtime};

use crate::path;

/// What query parameters begin with that are metadata.
const METADATA: &str = "metadata.";

/// A call.
pub(crate) struct Call {
    /// What serves it.
    pub(crate) runtime: Arc<Runtime>,
    /// Its head.
    pub(crate) head: Parts,
    /// Its body.
    pub(crate) body: Body,
    /// The parameters of its path, unescaped, by the names of the route.
    pub(crate) params: Vec<(&'static str, String)>,
}

impl Call {
    /// A parameter of the path; empty when the route has none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A header; empty when it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The first parameter of that name in the query; `None` when there is none.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = path::query(self.head.uri.query().unwrap_or_default());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The parameters `metadata.*` of the query, without the prefix; of several with one name the first.
    pub(crate) fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::new();
        for (name, value) in path::query(self.head.uri.query().unwrap_or_default()) {
            if let Some(key) = name.strip_prefix(METADATA) {
                metadata.entry(key.to_owned()).or_insert_with(|| value.into_owned());
            }
        }
        metadata
    }

    /// The whole body.
    ///
    /// # Errors
    /// When it is longer than `--max-body-size`, or the client went away.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, ApiError> {
        let limit = self.runtime.config().apis.max_body;
        std::mem::take(&mut self.body).read(limit).await.map_err(|error| unreadable(&error))
    }
}

/// A body that could not be read.
fn unreadable(error: &BodyError) -> ApiError {
    let message = format!("failed to read request body: {error}");
    ApiError::new("ERR_BODY_READ", 400, GrpcCode::InvalidArgument, message)
}

/// A body that is not what the endpoint takes.
pub(crate) fn malformed(why: &str) -> ApiError {
    let message = format!("failed deserializing HTTP body: {why}");
    ApiError::new("ERR_MALFORMED_REQUEST", 400, GrpcCode::InvalidArgument, message)
}

//! Finding items by their values.

use mecha_component::Feature;
use mecha_component::state::{Metadata, QueryRequest, QueryResponse};

use super::State;
use super::rules::own_key;
use crate::error::ApiError;

impl State<'_> {
    /// The items that a query (JSON, as the API received it) finds among the application's own.
    ///
    /// # Errors
    /// `ERR_STATE_STORE_NOT_SUPPORTED` when the store has no queries; `ERR_STATE_QUERY` when it is encrypted, the query
    /// makes no sense or it fails.
    pub async fn query(&self, query: &[u8], metadata: Metadata) -> Result<QueryResponse, ApiError> {
        let failed = |detail: &str| ApiError::state_query_failed(self.name(), detail);
        if !self.store.driver.features().has(Feature::QueryApi) {
            return Err(ApiError::state_query_unsupported(self.name()));
        }
        if self.rules.encryption.is_some() {
            return Err(failed("cannot query encrypted store"));
        }
        let query = serde_json::from_slice(query)
            .map_err(|error| failed(&format!("failed to parse JSON query body: {error}")))?;
        let request = QueryRequest { query, key_prefix: self.rules.prefix().to_owned(), metadata };
        let found = self.call("query", request, |driver, request| driver.query(request)).await;
        let mut found = found.map_err(|error| failed(error.message()))?;
        for (key, _) in &mut found.results {
            *key = own_key(key).to_owned();
        }
        Ok(found)
    }
}

//! Several operations on a store as one.

use mecha_component::Feature;
use mecha_component::state::{Operation, TransactionRequest};

use super::State;
use crate::error::ApiError;

impl State<'_> {
    /// Whether the store has transactions; asked before a request is read, as Dapr does.
    ///
    /// # Errors
    /// `ERR_STATE_STORE_NOT_SUPPORTED`.
    pub fn check_transactions(&self) -> Result<(), ApiError> {
        if self.store.driver.features().has(Feature::Transactional) {
            return Ok(());
        }
        Err(ApiError::state_transactions_unsupported(self.name()))
    }

    /// Does all operations in their order, or none. The faces have put the request's own metadata into each operation.
    ///
    /// # Errors
    /// As [`State::check_transactions`]; `ERR_MALFORMED_REQUEST` for an illegal key,
    /// `ERR_STATE_STORE_TOO_MANY_TRANSACTIONS`, `ERR_STATE_TRANSACTION`.
    pub async fn transact(&self, mut request: TransactionRequest) -> Result<(), ApiError> {
        self.check_transactions()?;
        if request.operations.is_empty() {
            return Ok(());
        }
        let count = request.operations.len();
        if let Some(most) = self.store.driver.max_operations()
            && count > most
        {
            return Err(ApiError::state_too_many_operations(self.name(), count, most));
        }
        for operation in &mut request.operations {
            match operation {
                Operation::Upsert(item) => self.prepare_set(item)?,
                Operation::Delete(request) => self.prepare_delete(request)?,
            }
        }
        let done = self.call("transaction", request, |driver, request| driver.transact(request)).await;
        done.map_err(|error| ApiError::state_transaction(&error))
    }
}

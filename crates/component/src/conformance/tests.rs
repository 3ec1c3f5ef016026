//! The suites against stores that break a promise: each must be found out, by the name of the case.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::memory::MemoryState;
use crate::state::{
    DeleteRequest, DynStateStore, GetRequest, Item, Operation, SetRequest, StateStore, TransactionRequest,
};
use crate::{Feature, Features, Result};

/// How a store goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    ForgetsEtags,
    ForgetsConcurrency,
    KeepsExpired,
    HalfTransactions,
    HidesFeature,
    IgnoresPages,
}

/// A store in memory with a fault.
struct Faulty(Arc<MemoryState>, Fault);

impl StateStore for Faulty {
    fn features(&self) -> Features {
        if self.1 == Fault::HidesFeature {
            return Features::of(&[Feature::Etag, Feature::Transactional, Feature::DeleteWithPrefix]);
        }
        StateStore::features(&*self.0)
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        StateStore::get(&*self.0, request).await
    }

    async fn set(&self, mut request: SetRequest) -> Result<()> {
        match self.1 {
            Fault::ForgetsEtags => request.etag = None,
            Fault::ForgetsConcurrency => request.concurrency = Default::default(),
            Fault::KeepsExpired if request.ttl()?.flatten().is_some() => {
                request.metadata.insert(crate::state::TTL_KEY.to_owned(), "60".to_owned());
            }
            _ => {}
        }
        StateStore::set(&*self.0, request).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        StateStore::delete(&*self.0, request).await
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        if self.1 != Fault::HalfTransactions {
            return StateStore::transact(&*self.0, request).await;
        }
        for operation in request.operations {
            match operation {
                Operation::Upsert(set) => StateStore::set(self, set).await?,
                Operation::Delete(delete) => StateStore::delete(self, delete).await?,
            }
        }
        Ok(())
    }

    async fn delete_with_prefix(&self, prefix: &str) -> Result<u64> {
        StateStore::delete_with_prefix(&*self.0, prefix).await
    }

    async fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let page = if self.1 == Fault::IgnoresPages { None } else { page };
        StateStore::keys_like(&*self.0, pattern, page, token).await
    }
}

async fn check(fault: Fault) {
    let store: Arc<dyn DynStateStore> = Arc::new(Faulty(MemoryState::start(&Handle::current()), fault));
    super::state::check(store, super::state::Options::default()).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[etag] set with an old etag must fail")]
async fn a_store_that_forgets_etags() {
    check(Fault::ForgetsEtags).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[first-write] a second write without an etag must fail")]
async fn a_store_that_forgets_concurrency() {
    check(Fault::ForgetsConcurrency).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[ttl] `goes` is still there after its TTL")]
async fn a_store_that_keeps_expired_items() {
    check(Fault::KeepsExpired).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[transaction] nothing of it is done")]
async fn a_store_that_does_half_of_a_transaction() {
    check(Fault::HalfTransactions).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[keys-like] the feature is not declared, so it must answer Unsupported")]
async fn a_store_that_hides_what_it_can() {
    check(Fault::HidesFeature).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "[keys-like] the pages' sizes")]
async fn a_store_without_pages() {
    check(Fault::IgnoresPages).await;
}

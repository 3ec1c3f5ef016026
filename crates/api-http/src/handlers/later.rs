//! Building blocks that this version does not have. Their routes are there, so that a caller is told so instead of being
//! taken for one who wants to invoke an application.

use mecha_runtime::ApiError;

use crate::call::Call;
use crate::reply::Outcome;

macro_rules! later {
    ($($(#[$doc:meta])* $name:ident: $feature:literal;)*) => {
        $($(#[$doc])*
        pub(crate) async fn $name(_: Call) -> Outcome {
            Err(ApiError::unimplemented($feature))
        })*
    };
}

later! {
    /// Output bindings.
    bindings: "The bindings API";
    /// Configuration stores.
    configuration: "The configuration API";
    /// Distributed locks.
    locks: "The distributed lock API";
    /// Encryption of messages and files.
    crypto: "The cryptography API";
    /// Single cryptographic operations.
    subtle_crypto: "The subtle cryptography API";
    /// Actors.
    actors: "The actors API";
    /// Workflows.
    workflows: "The workflows API";
    /// Jobs.
    jobs: "The jobs API";
    /// Conversations with language models.
    conversation: "The conversation API";
}

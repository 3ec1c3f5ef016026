//! The endpoints, by building block: each decodes, calls the runtime and encodes.

pub(crate) mod health;
pub(crate) mod invoke;
pub(crate) mod later;
pub(crate) mod metadata;
pub(crate) mod publish;
pub(crate) mod secrets;
pub(crate) mod shutdown;
pub(crate) mod state;

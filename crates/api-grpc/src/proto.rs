//! The messages of Dapr's API under short names: `pb` is `dapr.proto.runtime.v1`, `common` is `dapr.proto.common.v1`.
//! The only place that knows which crate they come from.

use std::collections::{BTreeMap, HashMap};

pub(crate) use ::dapr::dapr::proto::common::v1 as common;
pub(crate) use ::dapr::dapr::proto::runtime::v1 as pb;
pub(crate) use ::dapr::google::rpc::Status as RpcStatus;

/// Protobuf's maps as the runtime holds them.
pub(crate) fn ordered(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}

/// The runtime's maps as protobuf holds them.
pub(crate) fn hashed(map: BTreeMap<String, String>) -> HashMap<String, String> {
    map.into_iter().collect()
}

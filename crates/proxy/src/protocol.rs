//! What the model and the codecs call the same protocols.

use mecha_codec::rpc;
use mecha_config::{Protocol, Speaks};

/// The RPC protocol that a listener or a route names; `None` = HTTP.
pub(crate) const fn rpc_of(protocol: Protocol) -> Option<rpc::Protocol> {
    match protocol {
        Protocol::Http1 | Protocol::Http2 => None,
        Protocol::Bolt => Some(rpc::Protocol::Bolt),
        Protocol::BoltV2 => Some(rpc::Protocol::BoltV2),
        Protocol::Dubbo => Some(rpc::Protocol::Dubbo),
        Protocol::DubboThrift => Some(rpc::Protocol::DubboThrift),
        Protocol::Tars => Some(rpc::Protocol::Tars),
    }
}

/// As the model calls it.
pub(crate) const fn model_of(protocol: rpc::Protocol) -> Protocol {
    match protocol {
        rpc::Protocol::Bolt => Protocol::Bolt,
        rpc::Protocol::BoltV2 => Protocol::BoltV2,
        rpc::Protocol::Dubbo => Protocol::Dubbo,
        rpc::Protocol::DubboThrift => Protocol::DubboThrift,
        rpc::Protocol::Tars => Protocol::Tars,
    }
}

/// What a host must speak for this protocol.
pub(crate) const fn spoken_by(protocol: Protocol) -> Speaks {
    match protocol {
        Protocol::Http1 => Speaks::Http1,
        Protocol::Http2 => Speaks::Http2,
        Protocol::Bolt => Speaks::Bolt,
        Protocol::BoltV2 => Speaks::BoltV2,
        Protocol::Dubbo => Speaks::Dubbo,
        Protocol::DubboThrift => Speaks::DubboThrift,
        Protocol::Tars => Speaks::Tars,
    }
}

/// The RPC protocol that a host speaks; `None` = HTTP.
pub(crate) const fn rpc_spoken(speaks: Speaks) -> Option<rpc::Protocol> {
    match speaks {
        Speaks::Http1 | Speaks::Http2 | Speaks::Dapr => None,
        Speaks::Bolt => Some(rpc::Protocol::Bolt),
        Speaks::BoltV2 => Some(rpc::Protocol::BoltV2),
        Speaks::Dubbo => Some(rpc::Protocol::Dubbo),
        Speaks::DubboThrift => Some(rpc::Protocol::DubboThrift),
        Speaks::Tars => Some(rpc::Protocol::Tars),
    }
}

/// As detection calls it.
pub(crate) const fn detected(protocol: Protocol) -> mecha_codec::detect::Protocol {
    match rpc_of(protocol) {
        Some(rpc) => mecha_codec::detect::Protocol::Rpc(rpc),
        None if matches!(protocol, Protocol::Http2) => mecha_codec::detect::Protocol::Http2,
        None => mecha_codec::detect::Protocol::Http1,
    }
}

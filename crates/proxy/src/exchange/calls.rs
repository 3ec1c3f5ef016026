//! Calls counted by service and method, for listeners with the filters `dubbo_stream` and `grpc_metric` (MOSN reference
//! 1.6). A worker asks the registry for a method's counters once and keeps them: a call costs one look-up by its names in
//! a map of its own thread.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mecha_base::worker::WorkerCell;
use mecha_codec::rpc::Kind;
use mecha_config::StreamFilter;
use mecha_http::{Call, Headers, RequestHead};
use mecha_metrics::{CallKind, CallShard, CallStat, MAX_CALL_NAME, Registry};
use mecha_resilience::GrpcStatus;

/// Which calls a listener counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    rpc: bool,
    grpc: bool,
}

/// The methods that one worker has met on one listener.
#[derive(Default)]
pub(crate) struct Calls {
    rpc: Option<Methods>,
    grpc: Option<Methods>,
}

struct Methods {
    kind: CallKind,
    known: WorkerCell<Known>,
    /// For all others.
    overflow: Option<Arc<CallShard>>,
}

#[derive(Default)]
struct Known {
    /// By service and method with a zero byte between them. No more than the registry keeps apart.
    shards: HashMap<Box<[u8]>, Arc<CallShard>, RandomState>,
    /// Room for a key.
    key: Vec<u8>,
}

/// A call that is under way.
pub(crate) struct Counted {
    shard: Arc<CallShard>,
    success: Success,
}

/// What tells that a call went well.
enum Success {
    /// The status of the response: that of a frame is an HTTP status here.
    Status,
    /// `grpc-status`, in the trailers or in their place; whether it was there and said so.
    Grpc(bool),
    /// That it was sent: nobody answers.
    Sent,
}

impl Counts {
    pub(crate) fn of(filters: &[StreamFilter]) -> Self {
        Counts {
            rpc: filters.contains(&StreamFilter::DubboStream),
            grpc: filters.contains(&StreamFilter::GrpcMetric),
        }
    }
}

impl Calls {
    /// To be called on the worker's thread.
    pub(crate) fn new(counts: Counts, registry: &Registry, worker: usize) -> Self {
        let methods = |kind| Methods {
            kind,
            known: WorkerCell::new(Known::default()),
            overflow: registry.call_overflow(kind).shard(worker).cloned(),
        };
        Calls {
            rpc: counts.rpc.then(|| methods(CallKind::Rpc)),
            grpc: counts.grpc.then(|| methods(CallKind::Grpc)),
        }
    }

    /// Whether nothing is counted.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.rpc.is_none() && self.grpc.is_none()
    }

    /// Counts a request, when it is a call that somebody wants counted.
    pub(crate) fn begin(
        &self,
        registry: &Registry,
        worker: usize,
        listener: &str,
        head: &RequestHead,
    ) -> Option<Counted> {
        let methods = if head.rpc.is_some() { &self.rpc } else { &self.grpc };
        let methods = methods.as_ref()?;
        let call = head.call()?;
        let shard = methods.shard(&call, || {
            registry.call(methods.kind, listener, call.service, call.method)?.shard(worker).cloned()
        })?;
        shard.inc(CallStat::RequestTotal);
        let success = match &head.rpc {
            Some(frame) if frame.kind == Kind::OneWay => Success::Sent,
            None if head.is_grpc() => Success::Grpc(false),
            _ => Success::Status,
        };
        Some(Counted { shard, success })
    }
}

impl Methods {
    fn shard(&self, call: &Call<'_>, ask: impl FnOnce() -> Option<Arc<CallShard>>) -> Option<Arc<CallShard>> {
        if call.service.len() > MAX_CALL_NAME || call.method.len() > MAX_CALL_NAME {
            return self.overflow.clone();
        }
        let mut known = self.known.borrow()?;
        let Known { shards, key } = &mut *known;
        key.clear();
        key.extend_from_slice(call.service);
        key.push(0);
        key.extend_from_slice(call.method);
        if let Some(shard) = shards.get(&**key) {
            return Some(shard.clone());
        }
        let Some(shard) = ask() else { return self.overflow.clone() };
        shards.insert(key.as_slice().into(), shard.clone());
        Some(shard)
    }
}

impl Counted {
    /// Fields that may tell how a gRPC call ended: of the head, or the trailers.
    pub(crate) fn fields(&mut self, fields: &Headers) {
        if let Success::Grpc(well) = &mut self.success {
            let status = fields.get("grpc-status").and_then(GrpcStatus::parse);
            *well |= status == Some(GrpcStatus::OK);
        }
    }

    /// The call is over: with this status, or without one because something `failed`.
    pub(crate) fn finish(self, status: u16, failed: bool) {
        let well = match self.success {
            Success::Status => (200..300).contains(&status),
            Success::Grpc(well) => well,
            Success::Sent => true,
        };
        let stat = if well && !failed { CallStat::ResponseSuccTotal } else { CallStat::ResponseFailTotal };
        self.shard.inc(stat);
    }
}

#[cfg(test)]
mod tests;

//! Stream filters: what looks at requests on their way (MOSN reference 1.6). A listener lists them; routes, virtual hosts
//! and routers may set one differently for their requests.

use std::sync::Arc;
use std::time::Duration;

use crate::proxy::Protocol;
use crate::route::HeaderMatch;

/// A stream filter and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamFilter {
    /// `fault`.
    Fault(Fault),
    /// `transcoder`.
    Transcoder(Transcoder),
    /// `dubbo_stream`: messages of RPC protocols are counted by service and method.
    DubboStream,
    /// `grpc_metric`: calls of gRPC and Triple are counted by service and method.
    GrpcMetric,
}

impl StreamFilter {
    /// MOSN's name.
    pub const fn name(&self) -> &'static str {
        match self {
            StreamFilter::Fault(_) => "fault",
            StreamFilter::Transcoder(_) => "transcoder",
            StreamFilter::DubboStream => "dubbo_stream",
            StreamFilter::GrpcMetric => "grpc_metric",
        }
    }

    /// Whether it counts and does nothing else: no request needs to be shown to it.
    pub const fn only_counts(&self) -> bool {
        matches!(self, StreamFilter::DubboStream | StreamFilter::GrpcMetric)
    }
}

/// `fault`: requests are delayed, or answered here, to see how others take it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// How many wait, and how long.
    pub delay: Option<FaultDelay>,
    /// How many are answered, and with what; after the delay.
    pub abort: Option<FaultAbort>,
    /// Only requests to this cluster; `None` = all.
    pub upstream_cluster: Option<String>,
    /// Only requests that fulfil these.
    pub headers: Vec<HeaderMatch>,
}

/// A delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultDelay {
    /// Of a hundred requests so many.
    pub percentage: u32,
    /// How long.
    pub time: Duration,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultAbort {
    /// Of a hundred requests so many.
    pub percentage: u32,
    /// 200 to 599.
    pub status: u16,
}

/// `transcoder`: requests go on in another protocol than they came in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcoder {
    /// The first that fits is taken.
    pub rules: Vec<TranscoderRule>,
}

/// Which requests, and into what.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscoderRule {
    /// What the request must look like; all must hold.
    pub headers: Vec<HeaderMatch>,
    /// What it becomes.
    pub protocol: Protocol,
    /// How.
    pub conversion: Arc<Conversion>,
}

/// How a request becomes one of another protocol, where it does not say so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The service that is called; `None` = what the request's path or fields say.
    pub service: Option<String>,
    /// The method that is called; `None` = what the request's path or fields say.
    pub method: Option<String>,
    /// The version of the service.
    pub version: Option<String>,
    /// The group of the service: Dubbo's group, SOFARPC's unique id.
    pub group: Option<String>,
    /// The types of the method's parameters, as Java names them; `None` = what the body says or, where that is silent, what
    /// the callee finds by the method's name (Dubbo) or the arguments look like (Bolt).
    pub types: Option<Vec<String>>,
    /// The body is passed on as it is instead of being made the arguments of a generic call.
    pub opaque: bool,
    /// The class of a Bolt frame whose content is opaque.
    pub class: Option<String>,
}

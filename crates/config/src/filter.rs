//! Stream filters: what looks at requests on their way (MOSN reference 1.6). A listener lists them; routes, virtual hosts
//! and routers may set one differently for their requests.

use std::time::Duration;

use crate::route::HeaderMatch;

/// A stream filter and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamFilter {
    /// `fault`.
    Fault(Fault),
}

impl StreamFilter {
    /// MOSN's name.
    pub const fn name(&self) -> &'static str {
        match self {
            StreamFilter::Fault(_) => "fault",
        }
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

//! `dubbo_stream` and `grpc_metric` (MOSN reference 1.6): they count calls by service and method. What became of a call is
//! known at its end only, so the exchange counts (`calls` there); asked about a request, they have nothing to say.

use crate::{Next, Phase, StreamFilter, View};

/// Either filter.
pub(crate) struct Counting;

impl StreamFilter for Counting {
    fn phase(&self) -> Phase {
        Phase::BeforeRoute
    }

    fn on_request(&self, _: &mut View<'_>) -> Next {
        Next::Continue
    }
}

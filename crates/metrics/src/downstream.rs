//! The names of what comes in: connections, bytes, requests and how they ended, for the process and each listener.
//!
//! Keys that MOSN has are MOSN's (reference mosn.md 7.2), so that its dashboards go on working; the rest end in
//! `_total` as Prometheus counters should.

use crate::stat::{Stat, metrics};

metrics! {
    /// A counter or gauge of a listener or of the whole process.
    pub enum DownstreamStat {
        ConnectionTotal Counter "connection_total" "Connections accepted.";
        ConnectionDestroy Counter "connection_destroy" "Accepted connections that have been closed.";
        ConnectionActive Gauge "connection_active" "Accepted connections that are open now.";
        BytesReadTotal Counter "bytes_read_total" "Bytes read from clients.";
        BytesWriteTotal Counter "bytes_write_total" "Bytes written to clients.";
        RequestTotal Counter "request_total" "Requests received.";
        RequestActive Gauge "request_active" "Requests received that are not answered to the end yet.";
        RequestReset Counter "request_reset" "Requests whose client went away or reset the stream before the answer ended.";
        RequestFailed Counter "request_failed" "Requests that the proxy itself answered with an error or cut off.";
        RequestNoRoute Counter "request_no_route_total" "Requests that matched no route.";
        RequestNoCluster Counter "request_no_cluster_total" "Requests whose route names a cluster that does not exist.";
        RequestTimeout Counter "request_timeout_total" "Requests whose headers or body arrived too slowly.";
        Request200 Counter "request_200_total" "Responses with status 200.";
        Request206 Counter "request_206_total" "Responses with status 206.";
        Request302 Counter "request_302_total" "Responses with status 302.";
        Request304 Counter "request_304_total" "Responses with status 304.";
        Request400 Counter "request_400_total" "Responses with status 400.";
        Request403 Counter "request_403_total" "Responses with status 403.";
        Request404 Counter "request_404_total" "Responses with status 404.";
        Request416 Counter "request_416_total" "Responses with status 416.";
        Request499 Counter "request_499_total" "Requests recorded as 499: the client closed before the response.";
        Request500 Counter "request_500_total" "Responses with status 500.";
        Request502 Counter "request_502_total" "Responses with status 502.";
        Request503 Counter "request_503_total" "Responses with status 503.";
        Request504 Counter "request_504_total" "Responses with status 504.";
        RequestOtherCode Counter "request_other_code" "Responses with a status that has no counter of its own.";
        ProtocolError Counter "protocol_error_total" "Connections or streams ended because the client broke the protocol.";
        IdleTimeout Counter "idle_timeout_total" "Connections closed because nothing happened on them for too long.";
        DrainClose Counter "drain_close_total" "Connections closed because the listener or the process is draining.";
        Upgrade Counter "upgrade_total" "Connections that left HTTP through an upgrade or CONNECT.";
    }
}

metrics! {
    /// A duration kept for a listener or for the whole process.
    pub enum DownstreamHistogram {
        RequestTime Histogram "request_time" "Time from the first byte of a request to the last byte of its response.";
        ProcessTime Histogram "process_time" "Part of the request time that the proxy itself took, without the upstream's.";
    }
}

impl Stat for DownstreamStat {
    const TYPE: &'static str = "downstream";
    type Histogram = DownstreamHistogram;
}

impl DownstreamStat {
    /// The counter of responses with this HTTP status: its own for the codes MOSN lists, else
    /// [`DownstreamStat::RequestOtherCode`].
    #[inline]
    #[must_use]
    pub const fn for_status(status: u16) -> Self {
        match status {
            200 => Self::Request200,
            206 => Self::Request206,
            302 => Self::Request302,
            304 => Self::Request304,
            400 => Self::Request400,
            403 => Self::Request403,
            404 => Self::Request404,
            416 => Self::Request416,
            499 => Self::Request499,
            500 => Self::Request500,
            502 => Self::Request502,
            503 => Self::Request503,
            504 => Self::Request504,
            _ => Self::RequestOtherCode,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    #[test]
    fn a_status_is_counted_under_its_own_name() {
        let mut own = 0;
        for status in 0..=u16::MAX {
            let stat = DownstreamStat::for_status(status);
            if stat != DownstreamStat::RequestOtherCode {
                assert_eq!(stat.name(), format!("request_{status}_total"));
                own += 1;
            }
        }
        assert_eq!(own, 13);
    }
}

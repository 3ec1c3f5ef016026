//! The names of what goes out: pooled connections, requests to hosts and how they ended, for each cluster and host.
//!
//! Keys that MOSN has are MOSN's (reference mosn.md 7.2); the rest end in `_total` as Prometheus counters should.

use crate::stat::{Stat, metrics};

metrics! {
    /// A counter or gauge of a cluster or of one host.
    pub enum UpstreamStat {
        ConnectionTotal Counter "connection_total" "Connections opened, or tried, to the upstream.";
        ConnectionActive Gauge "connection_active" "Upstream connections that are open now.";
        ConnectionIdle Gauge "connection_idle" "Open upstream connections that wait in the pool for a request.";
        ConnectionClose Counter "connection_close" "Upstream connections that have been closed, by either side.";
        ConnectionConFail Counter "connection_con_fail" "Upstream connections that could not be opened, timeouts included.";
        ConnectionTimeout Counter "connection_timeout_total" "Upstream connections not opened within the connect timeout.";
        ConnectionOverflow Counter "connection_overflow_total" "Times the limit on upstream connections was reached.";
        ConnectionRetry Counter "connection_retry" "Requests sent again because a reused connection died before any response.";
        ConnectionLocalClose Counter "connection_local_close" "Upstream connections closed by the proxy.";
        ConnectionRemoteClose Counter "connection_remote_close" "Upstream connections closed by the host.";
        ConnectionLocalCloseWithActiveRequest Counter "connection_local_close_with_active_request" "Upstream connections closed by the proxy with a request in flight.";
        ConnectionRemoteCloseWithActiveRequest Counter "connection_remote_close_with_active_request" "Upstream connections closed by the host with a request in flight.";
        ConnectionCloseNotify Counter "connection_close_notify" "Upstream HTTP/1 connections that the host announced it will close (Connection: close).";
        BytesReadTotal Counter "connection_bytes_read_total" "Bytes read from the upstream.";
        BytesWriteTotal Counter "connection_bytes_write" "Bytes written to the upstream.";
        RequestTotal Counter "request_total" "Requests sent to the upstream, retries included.";
        RequestActive Gauge "request_active" "Upstream requests that are not answered to the end yet.";
        RequestPending Gauge "request_pending" "Requests that wait for an upstream connection.";
        RequestLocalReset Counter "request_local_reset" "Upstream requests given up by the proxy.";
        RequestRemoteReset Counter "request_remote_reset" "Upstream requests reset, or cut off, by the host.";
        RequestTimeout Counter "request_timeout" "Upstream requests not answered within their timeout.";
        RequestFailureEject Counter "request_failure_eject" "Upstream requests that failed because the host was ejected or its connection failed.";
        RequestPendingOverflow Counter "request_pending_overflow" "Requests refused because too many were waiting or active.";
        RequestNoHealthyHost Counter "request_no_healthy_host_total" "Requests refused because no host could be picked.";
        RequestRetry Counter "request_retry" "Requests tried again by the retry policy.";
        RequestRetrySuccess Counter "request_retry_success_total" "Retries that were answered successfully.";
        RequestRetryOverflow Counter "request_retry_overflow" "Retries not made because too many were under way.";
        ResponseSuccess Counter "response_success" "Upstream responses with a status below 500.";
        ResponseFailed Counter "response_failed" "Upstream responses with a status of 500 or above, or none at all.";
    }
}

metrics! {
    /// A duration kept for a cluster or for one host.
    pub enum UpstreamHistogram {
        RequestDurationTime Histogram "request_duration_time" "Time from sending a request to the last byte of the upstream's response.";
        ConnectTime Histogram "connect_time" "Time it took to open an upstream connection.";
    }
}

impl Stat for UpstreamStat {
    const TYPE: &'static str = "upstream";
    type Histogram = UpstreamHistogram;
}

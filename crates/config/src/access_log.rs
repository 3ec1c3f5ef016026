//! One access log of a listener.

use crate::server::LogTarget;

/// MOSN's default line (reference 7.1; the double space is its own).
pub const DEFAULT_FORMAT: &str = "%start_time% %trace_id%  %connection_id% %upstream_connection_id% %request_received_duration% %response_received_duration% %bytes_sent% %bytes_received% %protocol% %response_code% %duration% %response_flag% %response_code% %upstream_local_address% %downstream_local_address% %downstream_remote_address% %upstream_host%";

/// Where a line per request goes, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// File or standard output.
    pub target: LogTarget,
    /// `%variable%` text; validated before the model is built.
    pub format: String,
}

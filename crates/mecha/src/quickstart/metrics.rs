//! Reads one number from Mecha's metrics page: what the client can't see is that a call was tried twice.

use std::net::SocketAddr;

use super::client::{Client, Protocol};
use super::configuration::HALF_DEAD;

/// The counter of retries by policy, and the label that names a cluster.
const RETRIES: &str = "upstream_request_retry{";

/// How many retries Mecha has made in the half-dead cluster so far. Fails with a reason when the admin API does not
/// answer.
pub(super) async fn retries(admin: SocketAddr) -> Result<u64, String> {
    let reply = Client::connect(admin, Protocol::Http1).await?.get("/metrics").await?;
    if reply.status != http::StatusCode::OK {
        return Err(format!("GET /metrics: status {}", reply.status));
    }
    Ok(count(&String::from_utf8_lossy(&reply.body)))
}

/// The cluster's value; hosts have samples of their own, none of which is larger. No sample is no retry.
fn count(page: &str) -> u64 {
    let label = format!("\"{HALF_DEAD}\"");
    let samples = page.lines().filter(|line| line.starts_with(RETRIES) && line.contains(&label));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clusters_own_sample_counts() {
        let page = "\
# TYPE upstream_request_retry counter
upstream_request_retry{cluster=\"service-a\"} 900
upstream_request_retry{cluster=\"half-dead\"} 200
upstream_request_retry{cluster=\"half-dead\",host=\"127.0.0.1:1\"} 150
upstream_request_retry_success_total{cluster=\"half-dead\"} 1000
";
        assert_eq!(count(page), 200);
        assert_eq!(count(""), 0);
    }
}

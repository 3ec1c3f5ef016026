//! What a large configuration costs: loads one of 1,000 clusters and 5,000 routes (or as many as the two
//! arguments say) and prints the time and the resident memory that stays.
//! `cargo run --release -p mecha-config-mosn --example scale`

use std::fmt::Write;
use std::time::Instant;

use mecha_config_mosn::{Format, parse};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (clusters, routes) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(5_000));
    let formats = match numbers.next() {
        Some(1) => vec![Format::Json],
        _ => vec![Format::Json, Format::Json, Format::Json, Format::Yaml],
    };
    let text = configuration(clusters, routes);
    let bytes = text.len();
    let before = resident();
    let mut config = None;
    for format in formats {
        drop(config.take());
        let start = Instant::now();
        let loaded = parse(&text, format, "scale");
        let took = start.elapsed();
        let grown = resident().saturating_sub(before);
        let findings = loaded.diagnostics.0.len();
        println!("{format:?}: {bytes} bytes in {took:?}, {findings} findings, {grown} KiB more resident");
        config = loaded.config;
    }
    println!("model: {}", config.is_some());
}

fn configuration(clusters: usize, routes: usize) -> String {
    let mut text = String::from(
        r#"{"servers": [{"default_log_path": "stdout", "listeners": [{"name": "l",
        "address": "127.0.0.1:2045", "bind_port": true, "filter_chains": [{"filters": [{"type": "proxy",
        "config": {"downstream_protocol": "Auto", "router_config_name": "r"}}]}]}],
        "routers": [{"router_config_name": "r", "virtual_hosts": ["#,
    );
    let per_host = 50;
    for host in 0..routes.div_ceil(per_host) {
        let comma = if host == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"name\": \"host-{host}\", \"domains\": [\"service-{host}.example.com\"], \"routers\": ["
        );
        for number in 0..per_host.min(routes - host * per_host) {
            let comma = if number == 0 { "" } else { "," };
            let cluster = (host * per_host + number) % clusters;
            let _ = write!(
                text,
                r#"{comma}
            {{
                "match": {{"prefix": "/api/v1/resource-{number}", "headers": [{{"name": "x-tenant", "value": "t-{number}"}}]}},
                "route": {{
                    "cluster_name": "outbound|8080||service-{cluster}.default.svc.cluster.local",
                    "timeout": "15s",
                    "retry_policy": {{"retry_on": true, "num_retries": 2, "retry_timeout": "3s"}},
                    "request_headers_to_add": [{{"header": {{"key": "x-route", "value": "r-{number}"}}}}]
                }}
            }}"#
            );
        }
        text.push_str("]}");
    }
    text.push_str("]}]}],\n\"cluster_manager\": {\"clusters\": [");
    for number in 0..clusters {
        let comma = if number == 0 { "" } else { "," };
        let (high, low) = (number / 250, number % 250);
        let _ = write!(
            text,
            r#"{comma}
        {{"name": "outbound|8080||service-{number}.default.svc.cluster.local", "type": "SIMPLE",
         "lb_type": "LB_LEAST_REQUEST", "connect_timeout": "1s", "max_request_per_conn": 1024,
         "circuit_breakers": [{{"max_connections": 1024, "max_requests": 4096}}],
         "hosts": [{{"address": "10.0.{high}.{low}:8080", "weight": 1}}, {{"address": "10.1.{high}.{low}:8080", "weight": 1}}]}}"#
        );
    }
    text.push_str("]}}");
    text
}

/// Resident memory in KiB; 0 where there is no /proc.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

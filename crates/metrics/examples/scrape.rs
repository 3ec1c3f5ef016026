//! Prints a scrape with traffic in it, to be given to other people's parsers:
//! `cargo run -p mecha-metrics --example scrape | promtool check metrics`.

use std::time::Duration;

use mecha_metrics::{DownstreamHistogram, DownstreamStat, Registry, UpstreamHistogram, UpstreamStat};

fn main() {
    let registry = Registry::new(2);
    registry.set_version("example");
    for worker in 0..2 {
        for scope in [registry.downstream_global(), registry.listener("odd \"name\" \\ \n {a=\"b\"}")] {
            let shard = scope.shard(worker);
            shard.inc(DownstreamStat::ConnectionActive);
            shard.inc(DownstreamStat::for_status(200));
            shard.observe(DownstreamHistogram::RequestTime, Duration::from_micros(750));
        }
        for scope in [registry.cluster("orders"), registry.host("orders", "127.0.0.1:8080")] {
            let shard = scope.shard(worker);
            shard.inc(UpstreamStat::RequestTotal);
            shard.observe(UpstreamHistogram::ConnectTime, Duration::from_secs(61));
        }
    }
    let mut text = String::new();
    registry.prometheus(&mut text);
    print!("{text}");
}

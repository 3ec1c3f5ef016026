//! What a name costs before anybody uses it. Alone in its process, because it reads the process's memory.
#![cfg(target_os = "linux")]

use mecha_metrics::Registry;

const SCOPES: u64 = 80_000;

#[test]
fn an_unused_cluster_or_host_costs_less_than_200_bytes() {
    let resident_bytes = |registry: &Registry| -> u64 {
        let mut text = String::new();
        registry.prometheus(&mut text);
        let value = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        value.unwrap().parse().unwrap()
    };
    let registry = Registry::new(64);
    let before = resident_bytes(&registry);
    for i in 0..SCOPES / 2 {
        let name = format!("cluster-{i}");
        let _ = registry.cluster(&name);
        let _ = registry.host("one-large-cluster", &name);
    }
    let each = resident_bytes(&registry).saturating_sub(before) / SCOPES;
    println!("{each} bytes for each unused scope");
    assert!((1..200).contains(&each), "{each} bytes for each unused scope");
}

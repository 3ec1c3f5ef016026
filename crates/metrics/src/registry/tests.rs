//! Scopes by label set: reload keeps counts, the cap holds, MOSN shapes read back.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::{
    Active, CallKind, CallStat, DownstreamHistogram, DownstreamStat, UpstreamHistogram, UpstreamStat,
};

#[test]
fn workers_count_on_their_own_shards_and_the_sum_is_exact() {
    const WORKERS: usize = 4;
    const ROUNDS: u64 = 50_000;
    let registry = Registry::new(WORKERS);
    std::thread::scope(|threads| {
        // One thread more than there are workers: the control thread has a shard too.
        for worker in 0..=WORKERS {
            let scope = registry.cluster("orders");
            threads.spawn(move || {
                let shard = scope.shard(worker);
                for i in 0..ROUNDS {
                    shard.inc(UpstreamStat::RequestTotal);
                    shard.add(UpstreamStat::BytesReadTotal, i);
                    shard.observe(UpstreamHistogram::RequestDurationTime, Duration::from_micros(i));
                    let _active = shard.active(UpstreamStat::RequestActive);
                }
            });
        }
    });
    let (scope, threads) = (registry.cluster("orders"), WORKERS as u64 + 1);
    let all = i64::try_from(threads * ROUNDS).unwrap();
    assert_eq!(scope.value(UpstreamStat::RequestTotal), all);
    assert_eq!(scope.value(UpstreamStat::BytesReadTotal), all * (ROUNDS as i64 - 1) / 2);
    assert_eq!(scope.value(UpstreamStat::RequestActive), 0);
    let durations = scope.histogram(UpstreamHistogram::RequestDurationTime);
    assert_eq!(durations.count(), threads * ROUNDS);
    assert_eq!(durations.sum_nanos(), threads * ROUNDS * (ROUNDS - 1) / 2 * 1_000);
    assert_eq!((durations.min_nanos(), durations.max_nanos()), (0, (ROUNDS - 1) * 1_000));
    // At most 500 us and at most 1 ms.
    assert_eq!(durations.cumulative().next(), Some(("0.0005", threads * 501)));
    assert_eq!(durations.cumulative().nth(1), Some(("0.001", threads * 1_001)));
}

#[test]
fn a_gauge_is_right_when_another_worker_takes_off() {
    let registry = Registry::new(2);
    let scope = registry.listener("ingress");
    scope.shard(0).inc(DownstreamStat::ConnectionActive);
    scope.shard(0).inc(DownstreamStat::ConnectionActive);
    scope.shard(1).dec(DownstreamStat::ConnectionActive);
    assert_eq!(scope.value(DownstreamStat::ConnectionActive), 1);
    scope.shard(1).sub(DownstreamStat::ConnectionActive, 3);
    assert_eq!(scope.value(DownstreamStat::ConnectionActive), -2);
}

#[test]
fn a_guard_counts_until_it_is_dropped() {
    let registry = Registry::new(1);
    let scope = registry.listener("ingress");
    let owned = Active::new(Arc::clone(scope.shard(0)), DownstreamStat::RequestActive);
    let lent = scope.shard(0).active(DownstreamStat::RequestActive);
    assert_eq!(scope.value(DownstreamStat::RequestActive), 2);
    drop(lent);
    assert_eq!(scope.value(DownstreamStat::RequestActive), 1);
    drop(owned);
    assert_eq!(scope.value(DownstreamStat::RequestActive), 0);
}

#[test]
fn a_worker_index_out_of_range_counts_on_the_control_shard() {
    let registry = Registry::new(1);
    let scope = registry.downstream_global();
    scope.shard(0).inc(DownstreamStat::RequestTotal);
    scope.shard(1).inc(DownstreamStat::RequestTotal);
    scope.shard(usize::MAX).inc(DownstreamStat::RequestTotal);
    assert!(Arc::ptr_eq(scope.shard(1), scope.shard(99)));
    assert!(!Arc::ptr_eq(scope.shard(0), scope.shard(1)));
    assert_eq!(scope.value(DownstreamStat::RequestTotal), 3);
}

#[test]
fn a_reload_finds_the_same_counters_and_a_removal_forgets_them() {
    let registry = Registry::new(1);
    let held = registry.host("orders", "10.0.0.1:80");
    held.shard(0).inc(UpstreamStat::RequestTotal);
    registry.cluster("orders").shard(0).inc(UpstreamStat::RequestTotal);
    assert_eq!(registry.host("orders", "10.0.0.1:80").value(UpstreamStat::RequestTotal), 1);
    assert_eq!(registry.host("orders", "10.0.0.2:80").value(UpstreamStat::RequestTotal), 0);
    assert_eq!(registry.host("users", "10.0.0.1:80").value(UpstreamStat::RequestTotal), 0);
    assert_eq!(registry.server().get(ServerStat::Scopes), 4);

    registry.remove_cluster("orders");
    held.shard(0).inc(UpstreamStat::RequestTotal);
    assert_eq!(registry.server().get(ServerStat::Scopes), 1);
    assert_eq!(registry.host("orders", "10.0.0.1:80").value(UpstreamStat::RequestTotal), 0);
    assert_eq!(registry.cluster("orders").value(UpstreamStat::RequestTotal), 0);

    registry.remove_host("users", "10.0.0.1:80");
    registry.remove_host("users", "10.0.0.1:80");
    let _ = registry.listener("ingress");
    registry.remove_listener("ingress");
    registry.remove_listener("never seen");
    assert_eq!(registry.server().get(ServerStat::Scopes), 2);
}

#[test]
fn beyond_the_limit_scopes_are_shared_and_counted() {
    let registry = Registry::with_limit(1, 2);
    let (a, b) = (registry.cluster("a"), registry.host("a", "h"));
    let (c, d) = (registry.cluster("c"), registry.host("c", "h"));
    assert!(!Arc::ptr_eq(&a, &b));
    assert!(Arc::ptr_eq(&c, &d));
    assert!(Arc::ptr_eq(&c, &registry.cluster(OVERFLOW)));
    assert!(Arc::ptr_eq(&registry.listener("l"), &registry.listener(OVERFLOW)));
    assert!(Arc::ptr_eq(&a, &registry.cluster("a")), "known names stay themselves");
    assert_eq!(registry.server().get(ServerStat::ScopeOverflow), 3);

    c.shard(0).inc(UpstreamStat::RequestTotal);
    let mut text = String::new();
    registry.prometheus(&mut text);
    assert!(text.contains("upstream_request_total{cluster=\"_overflow\"} 1\n"), "{text}");
    assert!(text.contains("metrics_scope_overflow_total 3\n"), "{text}");

    registry.remove_cluster("a");
    assert!(!Arc::ptr_eq(&c, &registry.cluster("c")), "room again");
}

#[test]
fn mosn_stats_have_mosns_shape() {
    let registry = Registry::new(1);
    registry.set_version("1.2.3");
    registry.server().set(ServerStat::StateCode, 6);
    let global = registry.downstream_global();
    global.shard(0).inc(DownstreamStat::for_status(404));
    for micros in [30, 10, 20] {
        global.shard(0).observe(DownstreamHistogram::RequestTime, Duration::from_micros(micros));
    }
    let _ = (registry.listener("serverListener"), registry.cluster("server"));
    registry.host("server", "127.0.0.1:8080").shard(0).inc(UpstreamStat::RequestTotal);

    let stats = registry.mosn_stats();
    let global = &stats["downstream"]["proxy.global"];
    assert_eq!(global["request_404_total"], "1");
    assert_eq!(global["request_time_min"], "10000");
    assert_eq!(global["request_time_max"], "30000");
    assert_eq!(global["request_time_total"], "60000");
    assert_eq!(stats["downstream"]["listener.serverListener"]["connection_active"], "0");
    assert_eq!(stats["upstream"]["cluster.server"]["request_total"], "0");
    assert_eq!(stats["upstream"]["cluster.server.host.127.0.0.1:8080"]["request_total"], "1");
    assert_eq!(stats["meta"]["mosn.info"]["mosn_state_code"], "6");
    assert_eq!(stats["meta"]["mosn.info"]["version:1.2.3"], "1");

    let glob: std::collections::BTreeMap<_, _> = registry.mosn_glob().into_iter().collect();
    assert_eq!(&glob, global);
    let host = registry.mosn_key("upstream.cluster.server.host.127.0.0.1:8080").unwrap();
    assert!(host.contains(&("request_total".into(), "1".into())));
    assert!(registry.mosn_key("meta.mosn.info").is_some());
    for unknown in ["", "downstream", "downstream.proxy", "upstream.cluster.nobody", "meta.x"] {
        assert_eq!(registry.mosn_key(unknown), None, "{unknown}");
    }
}

#[test]
fn calls_are_shown_by_listener_service_and_method() {
    let registry = Registry::new(1);
    let mut text = String::new();
    registry.prometheus(&mut text);
    assert!(!text.contains("mosn_request_total"), "nothing is shown of what nobody counts");

    let list = registry.call(CallKind::Rpc, "ingress", b"shop.Orders", b"list").unwrap();
    list.shard(0).unwrap().inc(CallStat::RequestTotal);
    list.shard(0).unwrap().inc(CallStat::ResponseSuccTotal);
    let grpc = registry.call(CallKind::Grpc, "ingress", b"shop.Orders", b"List").unwrap();
    grpc.shard(0).unwrap().inc(CallStat::ResponseFailTotal);
    registry.call_overflow(CallKind::Rpc).shard(0).unwrap().inc(CallStat::RequestTotal);

    registry.prometheus(&mut text);
    for line in [
        "# TYPE mosn_request_total counter\n",
        "mosn_request_total{listener=\"ingress\",method=\"list\",service=\"shop.Orders\"} 1\n",
        "mosn_response_succ_total{listener=\"ingress\",method=\"list\",service=\"shop.Orders\"} 1\n",
        "mosn_response_fail_total{listener=\"ingress\",method=\"list\",service=\"shop.Orders\"} 0\n",
        "mosn_request_total{listener=\"_overflow\",method=\"_overflow\",service=\"_overflow\"} 1\n",
        "grpc_response_fail_total{listener=\"ingress\",method=\"List\",service=\"shop.Orders\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let key = "listener.ingress.method.list.service.shop.Orders";
    assert_eq!(registry.mosn_stats()["mosn"][key]["request_total"], "1");
    let one = registry.mosn_key(&format!("mosn.{key}")).unwrap();
    assert!(one.contains(&("response_succ_total".into(), "1".into())));
    assert_eq!(registry.mosn_key("grpc.listener.x"), None);

    registry.remove_listener("ingress");
    assert!(!registry.mosn_stats().contains_key("grpc"));
}

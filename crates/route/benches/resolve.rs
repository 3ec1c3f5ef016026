//! What finding a route costs in instructions, counted by callgrind: it must not grow with the number of routes.
//!
//! Needs valgrind and the runner of the same version: `cargo install gungraun-runner --version 0.20.0 --locked`. Run
//! with `cargo bench -p mecha-route`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is not called by anyone, and its input is its own"
)]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use mecha_config::route::{
    Action, Forward, HeaderMatch, PathMatch, Route, RouteMatch, Router, Target, ValueMatch, VirtualHost,
};
use mecha_http::{Headers, Method, RequestHead, Version};
use mecha_route::RouteTable;

fn route(path: PathMatch, service: Option<usize>, cluster: usize) -> Route {
    let value = |n| HeaderMatch { name: "service".into(), value: ValueMatch::Exact(format!("s{n}")) };
    let target = Target::Cluster(format!("cluster-{}", cluster % 1_000));
    Route {
        matcher: RouteMatch { path, headers: service.map(value).into_iter().collect() },
        action: Action::Forward(Box::new(Forward { target, ..Forward::default() })),
        filters: Vec::new(),
    }
}

fn table(domains: &[&str], routes: &[Route]) -> RouteTable {
    let host = |domain: &&str| VirtualHost {
        name: (*domain).to_owned(),
        domains: vec![(*domain).to_owned()],
        routes: routes.to_vec(),
        ..VirtualHost::default()
    };
    let virtual_hosts = domains.iter().map(host).collect();
    RouteTable::build(&Router { name: "r".into(), virtual_hosts, ..Router::default() })
}

fn request(path: &str, service: Option<&str>) -> RequestHead {
    let mut headers = Headers::new();
    for name in ["host", "user-agent", "accept", "x-request-id"] {
        headers.append(name, b"some-value").unwrap();
    }
    if let Some(service) = service {
        headers.append("service", service.as_bytes()).unwrap();
    }
    let (authority, target) = ("orders.shop.test:8080".into(), path.to_owned().into());
    RequestHead { version: Version::Http11, method: Method::GET, authority, target, headers, rpc: None }
}

fn prefixes(count: usize) -> RouteTable {
    let prefix = |n| route(PathMatch::Prefix(format!("/api/v1/service-{n}/")), None, n);
    table(&["*"], &(0..count).map(prefix).collect::<Vec<_>>())
}

fn paths(count: usize) -> RouteTable {
    let path = |n| route(PathMatch::Exact(format!("/api/v1/service-{n}/orders")), None, n);
    table(&["*"], &(0..count).map(path).collect::<Vec<_>>())
}

fn services(count: usize) -> RouteTable {
    let service = |n| route(PathMatch::Prefix("/".into()), Some(n), n);
    table(&["*"], &(0..count).map(service).collect::<Vec<_>>())
}

fn domains() -> RouteTable {
    let one = [route(PathMatch::Prefix("/".into()), None, 1)];
    table(&["a.test", "*.test:8080", "*.shop.test:8080", "*.a.shop.test:*", "*"], &one)
}

fn orders(service: usize) -> RequestHead {
    request(&format!("/api/v1/service-{service}/orders?expand=items"), None)
}

#[library_benchmark]
#[bench::only_route((prefixes(1), orders(0)))]
#[bench::first_of_5000_prefixes((prefixes(5_000), orders(0)))]
#[bench::last_of_5000_prefixes((prefixes(5_000), orders(4_999)))]
#[bench::last_of_5000_paths((paths(5_000), orders(4_999)))]
#[bench::last_of_5000_services((services(5_000), request("/orders", Some("s4999"))))]
#[bench::suffix_of_5_domains((domains(), orders(1)))]
fn resolve((table, head): (RouteTable, RequestHead)) -> (RouteTable, RequestHead) {
    assert!(black_box(&table).resolve(black_box(&head)).is_some());
    (table, head)
}

library_benchmark_group!(name = routes, benchmarks = [resolve]);
main!(library_benchmark_groups = [routes]);

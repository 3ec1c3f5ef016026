//! A large route table stays small: 5,000 routes to 1,000 clusters, prefixes and paths mixed.

#![allow(
    missing_docs,
    unsafe_code,
    reason = "a test is not called by anyone; counting what is allocated takes an allocator"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

use mecha_config::route::{Action, Forward, PathMatch, Route, RouteMatch, Router, Target, VirtualHost};
use mecha_route::RouteTable;

struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; only a count is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: `memory` came from `alloc` above, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn route(n: usize) -> Route {
    let path = match n % 2 {
        0 => PathMatch::Prefix(format!("/api/v1/service-{n}/")),
        _ => PathMatch::Exact(format!("/api/v1/service-{n}/orders")),
    };
    let target = Target::Cluster(format!("cluster-{}", n % 1_000));
    let forward = Forward { target, ..Forward::default() };
    Route {
        matcher: RouteMatch { path, headers: vec![] },
        action: Action::Forward(Box::new(forward)),
        filters: vec![],
    }
}

#[test]
fn five_thousand_routes_fit_in_two_mebibytes() {
    let host = VirtualHost {
        name: "all".into(),
        domains: vec!["*".into()],
        routes: (0..5_000).map(route).collect(),
        ..VirtualHost::default()
    };
    let router = Router { name: "r".into(), virtual_hosts: vec![host], ..Router::default() };
    let before = HELD.load(Ordering::Relaxed);
    let table = RouteTable::build(&router);
    let held = HELD.load(Ordering::Relaxed) - before;
    assert_eq!(table.virtual_hosts()[0].routes().len(), 5_000);
    println!("{held} bytes, {} a route", held / 5_000);
    assert!(held < 2 << 20, "{held} bytes");
}

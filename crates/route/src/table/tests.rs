//! Which route a request gets; and builders of requests, routes and tables for the tests of this crate.

use bytestring::ByteString;
use mecha_config::route::{
    Action, DirectResponse, Forward, HeaderMatch, PathMatch, Route, RouteMatch, Target, ValueMatch,
    VirtualHost,
};
use mecha_http::{Headers, Method, Version};
use proptest::prelude::*;

use super::*;
use crate::matcher::tests::frame;

pub(crate) fn request(authority: &str, target: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    RequestHead {
        version: Version::Http11,
        method: Method::GET,
        authority: ByteString::from(authority),
        target: ByteString::from(target),
        headers,
        rpc: None,
    }
}

pub(crate) fn header(name: &str, value: ValueMatch) -> HeaderMatch {
    HeaderMatch { name: name.to_owned(), value }
}

pub(crate) fn route(path: PathMatch, forward: Forward) -> Route {
    let matcher = RouteMatch { path, headers: vec![] };
    Route { matcher, action: Action::Forward(Box::new(forward)), filters: Vec::new() }
}

pub(crate) fn to(path: PathMatch, cluster: &str) -> Route {
    route(path, Forward { target: Target::Cluster(cluster.to_owned()), ..Forward::default() })
}

pub(crate) fn table(hosts: &[(&[&str], Vec<Route>)]) -> RouteTable {
    let host = |(n, (domains, routes)): (usize, &(&[&str], Vec<Route>))| VirtualHost {
        name: format!("host-{n}"),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        routes: routes.clone(),
        ..VirtualHost::default()
    };
    let virtual_hosts = hosts.iter().enumerate().map(host).collect();
    RouteTable::build(&Router { name: "r".into(), virtual_hosts, ..Router::default() })
}

fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix(text.into())
}

fn cluster_of(table: &RouteTable, head: &RequestHead) -> Option<String> {
    let plan = table.resolve(head)?.route.forward()?;
    Some(plan.choose_cluster(&mut fastrand::Rng::with_seed(1), head).to_owned())
}

#[test]
fn the_first_route_of_the_domain_decides() {
    let table = table(&[
        (&["a.test", "a.test:*"], vec![to(prefix("/api"), "a-api"), to(PathMatch::Any, "a-rest")]),
        (&["*"], vec![to(prefix("/"), "all"), to(prefix("/api"), "never")]),
    ]);
    let cases = [
        ("a.test", "/api/1?x=/other", Some("a-api")),
        ("A.test:81", "/", Some("a-rest")),
        ("b.test", "/api", Some("all")),
        ("b.test", "*", Some("all")),
    ];
    for (authority, target, cluster) in cases {
        let found = cluster_of(&table, &request(authority, target, &[]));
        assert_eq!(found.as_deref(), cluster, "{authority} {target}");
    }
}

#[test]
fn no_other_virtual_host_is_asked_when_no_route_matches() {
    let table =
        table(&[(&["a.test"], vec![to(prefix("/api"), "a")]), (&["*"], vec![to(PathMatch::Any, "b")])]);
    assert!(table.resolve(&request("a.test", "/other", &[])).is_none());
}

#[test]
fn five_thousand_routes_are_each_found() {
    let mut routes: Vec<Route> =
        (0..2_500).map(|n| to(prefix(&format!("/service-{n}/")), &n.to_string())).collect();
    routes.extend((2_500..5_000).map(|n| to(PathMatch::Exact(format!("/exact/{n}")), &n.to_string())));
    let table = table(&[(&["*"], routes)]);
    for n in 0..5_000 {
        let path = if n < 2_500 { format!("/service-{n}/x") } else { format!("/EXACT/{n}?q") };
        assert_eq!(cluster_of(&table, &request("a", &path, &[])), Some(n.to_string()));
    }
    assert_eq!(cluster_of(&table, &request("a", "/service-1", &[])), None);
}

#[test]
fn calls_find_their_virtual_host_and_route_among_many() {
    use mecha_codec::rpc::Protocol;

    let by = |name: &str, value: &str, cluster: &str| {
        let mut route = to(PathMatch::Any, cluster);
        route.matcher.headers = vec![header(name, ValueMatch::Exact(value.into()))];
        route
    };
    // More than a walk is made over: each kind of rule is found by the index.
    let mut services: Vec<Route> = (0..50).map(|n| by("service", &format!("s{n}"), "never")).collect();
    services.push(by("service", "mecha.peers.sofa.Peer:1.0", "peer"));
    services.push(by("service", "shop.Orders", "orders"));
    let mut methods: Vec<Route> = (0..50).map(|n| by("method", &format!("m{n}"), "never")).collect();
    methods.extend([by("method", "id", "id"), to(prefix("/"), "rest")]);
    let mut uniques: Vec<Route> = (0..50).map(|n| by("service", &format!("s{n}:1.0"), "never")).collect();
    uniques.push(by("service", "mecha.peers.sofa.Peer:1.0", "unique"));
    let bolt = frame(Protocol::Bolt, "sofa-id-request");
    let of = |domain: &str, routes: &[Route]| table(&[(&[domain], routes.to_vec())]);
    assert_eq!(cluster_of(&of("mecha.peers.sofa.Peer", &services), &bolt).as_deref(), Some("peer"));
    assert_eq!(cluster_of(&of("*.sofa.Peer", &methods), &bolt).as_deref(), Some("id"));
    assert_eq!(cluster_of(&of("*", &uniques), &bolt).as_deref(), Some("unique"));
    assert_eq!(cluster_of(&of("mecha.peers.Echo", &services), &bolt), None);
    let dubbo = frame(Protocol::Dubbo, "request-attachments");
    assert_eq!(cluster_of(&of("mecha.peers.Echo", &methods), &dubbo).as_deref(), Some("rest"));
    let grpc = request("a", "/shop.Orders/List", &[("content-type", "application/grpc")]);
    assert_eq!(cluster_of(&of("*", &services), &grpc).as_deref(), Some("orders"));

    let explained = of("*", &[by("method", "list", "x"), by("service", "a:1", "y")]).explain(&bolt);
    let why: Vec<_> = explained.trials.iter().filter_map(|trial| trial.mismatch.as_deref()).collect();
    assert_eq!(why, ["the method is \"id\"", "the service is \"mecha.peers.sofa.Peer:1.0\""]);
}

fn any_route() -> impl Strategy<Value = Route> {
    let text = "/[ab]{0,2}(/[ab]{0,1})?";
    let path = prop_oneof![
        Just(PathMatch::Any),
        text.prop_map(PathMatch::Prefix),
        text.prop_map(PathMatch::Exact),
        "[ab]".prop_map(|text| PathMatch::Regex(regex::Regex::new(&text).unwrap())),
    ];
    let headers = prop::collection::vec(
        prop_oneof![
            Just(header("x", ValueMatch::Present)),
            Just(header("x", ValueMatch::Exact("1".into()))),
            Just(header("method", ValueMatch::Exact("PUT".into()))),
        ],
        0..3,
    );
    let action = Action::Direct(DirectResponse { status: 200, body: String::new() });
    (path, headers).prop_map(move |(path, headers)| Route {
        matcher: RouteMatch { path, headers },
        action: action.clone(),
        filters: Vec::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_a_walk_and_explain_find(
        routes in prop::collection::vec(any_route(), 0..30),
        targets in prop::collection::vec("/[abA]{0,2}(/[ab]{0,2})?", 1..6),
        value in prop::option::of("[12]"),
    ) {
        let table = table(&[(&["*"], routes)]);
        for target in targets {
            let fields: Vec<_> = value.iter().map(|value| ("x", value.as_str())).collect();
            let head = request("a", &target, &fields);
            let walk = table.hosts[0].routes().iter().find(|route| route.matcher().matches(head.path(), &head));
            let found = table.resolve(&head).map(|matched| matched.route.number);
            prop_assert_eq!(found, walk.map(|route| route.number));
            let explained = table.explain(&head).route.map(|route| route.number);
            prop_assert_eq!(found, explained);
        }
    }
}

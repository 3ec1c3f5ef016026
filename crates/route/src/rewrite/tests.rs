//! Heads as the upstream and the client see them after rewrites and header operations of all levels.

use mecha_config::route::{HeaderAdd, HeaderRules, PathMatch, RegexRewrite, Router, VirtualHost};
use mecha_http::{Headers, ResponseHead, StatusCode};

use super::*;
use crate::table::RouteTable;
use crate::table::tests::{request, route, table};
use crate::variables::Vars;

/// The head as the upstream sees it: authority, target, and the fields in order.
fn rewritten(path: PathMatch, forward: Forward, mut head: RequestHead) -> (String, String, Vec<String>) {
    let table = table(&[(&["*"], vec![route(path, forward)])]);
    let matched = table.resolve(&head).unwrap().route.clone();
    matched.rewrite_request(&mut head, &Vars::default());
    (head.authority.to_string(), head.target.to_string(), texts(&head.headers))
}

fn texts(headers: &Headers) -> Vec<String> {
    let text = |(name, value): (&[u8], &[u8])| {
        format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
    };
    headers.iter().map(text).collect()
}

fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix(text.to_owned())
}

fn regex(pattern: &str, substitution: &str) -> Forward {
    let regex_rewrite =
        Some(RegexRewrite { pattern: Regex::new(pattern).unwrap(), substitution: substitution.to_owned() });
    Forward { regex_rewrite, ..Forward::default() }
}

fn with_prefix(text: &str) -> Forward {
    Forward { prefix_rewrite: Some(text.to_owned()), ..Forward::default() }
}

#[test]
fn paths_are_rewritten_and_kept_and_queries_stay() {
    let exact = PathMatch::Exact("/Login".into());
    let both = Forward { prefix_rewrite: Some("/p/".into()), ..regex(".*", "/r") };
    // match, rewrite, target, new target; the same when nothing is rewritten
    let cases = [
        (prefix("/a/"), with_prefix("/b/"), "/a/x?q=/a/", "/b/x?q=/a/"),
        (prefix("/a"), with_prefix("/"), "/a", "/"),
        (prefix("/a/"), with_prefix("b/"), "/a/x", "/b/x"),
        (prefix("/a/"), with_prefix(""), "/a/x", "/a/x"),
        (exact, with_prefix("/new"), "/LOGIN?q", "/new?q"),
        (PathMatch::Any, with_prefix("/new"), "/a", "/a"),
        (prefix("/a/"), both, "/a/x", "/p/x"),
        (prefix("/"), regex("^/(.*)/(.*)$", r"/\2/\1"), "/one/two?q", "/two/one?q"),
        (prefix("/"), regex("^/(.*)/(.*)$", "/$2/${1}x"), "/one/two", "/two/onex"),
        (prefix("/"), regex("[0-9]", "n"), "/1/2?3", "/n/n?3"),
        (prefix("/"), regex("none", "x"), "/a", "/a"),
        (prefix("/"), regex("^/a", r"\9\\"), "/a/b", r"/\/b"),
        (PathMatch::Any, regex("^/a$", ""), "/a", "/"),
    ];
    for (path, forward, target, new) in cases {
        let case = format!("{path:?} {target}");
        let (_, found, fields) =
            rewritten(path, forward, request("a", target, &[(ORIGINAL_PATH, "spoofed")]));
        assert_eq!(found, new, "{case}");
        let old = target.split('?').next().unwrap();
        let kept = if new == target { "spoofed" } else { old };
        assert_eq!(fields, [format!("{ORIGINAL_PATH}: {kept}")], "{case}");
    }
}

#[test]
fn the_authority_is_rewritten_in_place() {
    let fields = &[("Accept", "*/*"), ("Host", "a.test"), ("X-To", "c.test:1"), ("X-Bad", "c test/")];
    let to = |forward: Forward| {
        let (authority, _, fields) = rewritten(PathMatch::Any, forward, request("a.test", "/", fields));
        assert_eq!(fields[1], format!("Host: {authority}"));
        assert_eq!(fields.len(), 4);
        authority
    };
    let header = |name: &str| Some(name.to_owned());
    let fixed = Forward { host_rewrite: Some("b.test".into()), ..Forward::default() };
    assert_eq!(to(fixed.clone()), "b.test");
    assert_eq!(to(Forward { auto_host_rewrite_header: header("X-To"), ..fixed }), "b.test");
    assert_eq!(to(Forward { auto_host_rewrite_header: header("X-To"), ..Forward::default() }), "c.test:1");
    assert_eq!(to(Forward { auto_host_rewrite_header: header("x-none"), ..Forward::default() }), "a.test");
    assert_eq!(to(Forward { auto_host_rewrite_header: header("x-bad"), ..Forward::default() }), "a.test");
}

#[test]
fn the_authority_follows_the_host_of_each_try() {
    let forward = Forward { auto_host_rewrite: true, ..Forward::default() };
    let table = table(&[(&["*"], vec![route(PathMatch::Any, forward)])]);
    let mut head = request("a.test", "/", &[]);
    let matched = table.resolve(&head).unwrap().route.clone();
    let plan = matched.forward().unwrap();
    assert!(plan.follows_host());
    plan.rewrite_authority(&mut head, "one.test");
    assert_eq!(&*head.authority, "one.test");
    assert!(head.headers.is_empty(), "over HTTP/2 there is no Host field to set");
    plan.rewrite_authority(&mut head, "");
    assert_eq!(&*head.authority, "one.test");
}

fn add(name: &str, value: &str, append: bool) -> HeaderAdd {
    HeaderAdd { name: name.to_owned(), value: value.to_owned(), append }
}

fn three_levels(route_rules: HeaderRules, host: HeaderRules, router: HeaderRules) -> RouteTable {
    let forward = Forward { headers: route_rules, ..Forward::default() };
    let virtual_host = VirtualHost {
        name: "v".into(),
        domains: vec!["*".into()],
        routes: vec![route(PathMatch::Any, forward)],
        headers: host,
        filters: vec![],
    };
    let router =
        Router { name: "r".into(), virtual_hosts: vec![virtual_host], headers: router, filters: vec![] };
    RouteTable::build(&router)
}

#[test]
fn headers_change_at_three_levels_in_order() {
    let level = |value: &str, remove: &[&str]| HeaderRules {
        request_add: vec![add("x-list", value, true), add("x-last", value, false)],
        request_remove: remove.iter().map(|name| (*name).to_owned()).collect(),
        response_add: vec![add("x-list", value, true)],
        response_remove: vec!["server".to_owned()],
    };
    let table = three_levels(
        level("route", &["x-secret"]),
        level("host", &["host", "content-length"]),
        level("router", &["x-gone"]),
    );
    let fields = [("Host", "a"), ("X-Secret", "s"), ("x-gone", "1"), ("Content-Length", "0")];
    let mut head = request("a", "/", &fields);
    let matched = table.resolve(&head).unwrap().route.clone();
    matched.rewrite_request(&mut head, &Vars::default());
    assert_eq!(
        texts(&head.headers),
        ["Host: a", "Content-Length: 0", "x-list: route", "x-last: router", "x-list: host", "x-list: router",]
    );
    let mut response = ResponseHead::new(StatusCode::OK);
    response.headers.append("Server", b"upstream").unwrap();
    matched.rewrite_response(&mut response, &Vars::default());
    assert_eq!(texts(&response.headers), ["x-list: route", "x-list: host", "x-list: router"]);
}

#[test]
fn values_are_filled_in_for_each_message() {
    let rules = HeaderRules {
        request_add: vec![
            add("x-a", "%request_header_x-in%, 100%, 5 % of %% \\%protocol\\%", false),
            add("host", "%request_header_x-in%.test", false),
            add("x-unknown", "[%nobody%]", false),
        ],
        response_add: vec![add("x-b", "%request_header_x-in%/%response_code%", true)],
        ..HeaderRules::default()
    };
    let table = three_levels(rules, HeaderRules::default(), HeaderRules::default());
    let mut head = request("a", "/", &[("x-in", "v")]);
    let before = head.clone();
    let matched = table.resolve(&head).unwrap().route.clone();
    matched.rewrite_request(&mut head, &Vars::default());
    assert_eq!(texts(&head.headers), ["x-in: v", "x-a: v, 100%, 5 % of % %protocol%", "x-unknown: [-]"]);
    assert_eq!(&*head.authority, "v.test");

    let mut response = ResponseHead::new(StatusCode::OK);
    matched.rewrite_response(&mut response, &Vars { request: Some(&before), ..Vars::default() });
    assert_eq!(texts(&response.headers), ["x-b: v/200"]);
}

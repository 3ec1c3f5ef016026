//! Routes: what they match and what they do, good and bad.

use std::time::Duration;

use mecha_config::route::{
    DirectResponse, Forward, HashPolicy, HeaderAdd, PathMatch, Redirect, Target, ValueMatch,
};
use mecha_config::{Action, Protocol, Route};

use super::{as_route, clean, said};

fn route(text: &str) -> Route {
    clean(&as_route(text)).routers.remove(0).virtual_hosts.remove(0).routes.remove(0)
}

fn forward(text: &str) -> Forward {
    let text = format!(r#"{{"route": {{"cluster_name": "c", {text}}}}}"#);
    match route(&text).action {
        Action::Forward(forward) => *forward,
        other => panic!("{other:?}"),
    }
}

fn path(text: &str) -> PathMatch {
    route(&format!(r#"{{"match": {text}, "route": {{"cluster_name": "c"}}}}"#)).matcher.path
}

#[test]
fn a_path_is_matched_in_one_of_four_ways() {
    assert_eq!(path("{}"), PathMatch::Any);
    assert_eq!(path(r#"{"prefix": "/a"}"#), PathMatch::Prefix("/a".to_owned()));
    assert_eq!(path(r#"{"path": "/a"}"#), PathMatch::Exact("/a".to_owned()));
    let PathMatch::Regex(regex) = path(r#"{"regex": "^/a/[0-9]+$"}"#) else { panic!() };
    assert!(regex.is_match("/a/1") && !regex.is_match("/a/x"));
    let both = as_route(r#"{"match": {"path": "/b", "prefix": "/a"}, "route": {"cluster_name": "c"}}"#);
    assert!(
        said(&both)[0].ends_with("match.path: \"path\" has no effect beside \"prefix\""),
        "{:?}",
        said(&both)
    );
}

#[test]
fn a_header_is_matched_by_presence_value_or_expression() {
    let headers = |text: &str| {
        let text = format!(r#"{{"match": {{"headers": {text}}}, "route": {{"cluster_name": "c"}}}}"#);
        route(&text).matcher.headers
    };
    let found = headers(
        r#"[{"name": "X-A", "value": "1"}, {"name": "b", "value": ".*", "regex": true},
            {"name": "c", "value": ".*"}, {"name": "d", "value": "^x", "regex": true}]"#,
    );
    assert_eq!((found[0].name.as_str(), &found[0].value), ("x-a", &ValueMatch::Exact("1".to_owned())));
    assert_eq!(found[1].value, ValueMatch::Present);
    assert_eq!(found[2].value, ValueMatch::Exact(".*".to_owned()));
    assert!(matches!(&found[3].value, ValueMatch::Regex(regex) if regex.as_str() == "^x"));
    assert_eq!(headers(r#"[{"name": "service", "value": ".*"}]"#)[0].value, ValueMatch::Present);
}

#[test]
fn a_route_forwards_with_all_its_settings() {
    let forward = forward(
        r#""timeout": "2s", "upstream_protocol": "Http2", "prefix_rewrite": "/x", "host_rewrite": "h",
           "auto_host_rewrite": true, "auto_host_rewrite_header": "X-Host",
           "retry_policy": {"retry_on": true, "retry_timeout": "1s", "num_retries": 4, "status_codes": [503]},
           "hash_policy": [{"header": {"key": "X-User"}}, {"cookie": {"name": "S", "path": "/", "ttl": "1h"}},
                           {"source_ip": {}}],
           "request_headers_to_add": [{"header": {"key": "X-A", "value": "%start_time%"}, "append": false}],
           "request_headers_to_remove": ["X-B"], "response_headers_to_remove": ["X-C"],
           "response_headers_to_add": [{"header": {"key": "x-d", "value": ""}}]"#,
    );
    assert_eq!(forward.timeout, Some(Duration::from_secs(2)));
    assert_eq!(forward.upstream_protocol, Some(Protocol::Http2));
    assert_eq!(forward.prefix_rewrite.as_deref(), Some("/x"));
    assert_eq!(forward.host_rewrite.as_deref(), Some("h"));
    assert!(forward.auto_host_rewrite);
    assert_eq!(forward.auto_host_rewrite_header.as_deref(), Some("x-host"));
    assert!(forward.retry.on_failure);
    assert_eq!(forward.retry.retries, 4);
    assert_eq!(forward.retry.try_timeout, Some(Duration::from_secs(1)));
    assert_eq!(forward.retry.status_codes, [503]);
    assert_eq!(forward.hash_policy[0], HashPolicy::Header("x-user".to_owned()));
    assert_eq!(forward.hash_policy[2], HashPolicy::SourceIp);
    let added = HeaderAdd { name: "x-a".to_owned(), value: "%start_time%".to_owned(), append: false };
    assert_eq!(forward.headers.request_add, [added]);
    assert!(forward.headers.response_add[0].append);
    assert_eq!(forward.headers.request_remove, ["x-b"]);
    assert_eq!(forward.headers.response_remove, ["x-c"]);
}

#[test]
fn a_rewrite_reads_go_and_re2_groups() {
    let text = |substitution: &str| {
        let rewrite =
            r#""regex_rewrite": {"pattern": {"google_re2": {}, "regex": "^/(?P<a>[a-z]+)/(.*)$"}, "#;
        forward(&format!("{rewrite}\"substitution\": \"{substitution}\"}}"))
            .regex_rewrite
            .unwrap()
            .substitution
    };
    assert_eq!(text("/$2/$1"), "/\\2/\\1");
    assert_eq!(text("/${2}x/${a}"), "/\\2x/\\1");
    assert_eq!(text("/\\\\2"), "/\\2");
    assert_eq!(text("/$$1"), "/$1");
    let missing = as_route(
        r#"{"route": {"cluster_name": "c", "regex_rewrite": {"pattern": {"regex": "a"}, "substitution": "$1"}}}"#,
    );
    assert!(said(&missing)[0].contains("the expression has no group \"1\""), "{:?}", said(&missing));
}

#[test]
fn a_route_answers_or_redirects_by_itself() {
    let direct = route(r#"{"direct_response": {"status": 418, "body": "tea"}, "route": {}}"#).action;
    assert_eq!(direct, Action::Direct(DirectResponse { status: 418, body: "tea".to_owned() }));
    let redirect = route(r#"{"redirect": {"scheme_redirect": "HTTPS", "host_redirect": "h"}}"#).action;
    let expected = Redirect { status: 301, path: None, host: Some("h".into()), scheme: Some("https".into()) };
    assert_eq!(redirect, Action::Redirect(expected));
}

#[test]
fn weights_are_kept_zero_included() {
    let text = r#"{"route": {"weighted_clusters": [{"cluster": {"name": "c", "weight": 90}},
        {"cluster": {"name": "c", "weight": 0}}]}}"#;
    let Action::Forward(forward) = route(text).action else { panic!() };
    let Target::Weighted(choices) = forward.target else { panic!() };
    assert_eq!(choices.iter().map(|choice| choice.weight).collect::<Vec<_>>(), [90, 0]);
}

#[test]
fn a_request_may_name_its_cluster() {
    let target = |text: &str| match route(&format!(r#"{{"route": {text}}}"#)).action {
        Action::Forward(forward) => forward.target,
        other => panic!("{other:?}"),
    };
    let header = Target::Header("x-to".to_owned());
    assert_eq!(target(r#"{"cluster_header": "X-To"}"#), header);
    assert_eq!(target(r#"{"cluster_variable": "request_header_X-To"}"#), header);
    assert_eq!(target(r#"{"cluster_variable": "Http1_request_header_x-to"}"#), header);
    let both = as_route(r#"{"route": {"cluster_name": "c", "cluster_header": "x-to"}}"#);
    assert!(said(&both)[0].ends_with("\"cluster_header\" has no effect beside \"cluster_name\""));
}

#[test]
fn bad_routes_are_refused_where_they_are_wrong() {
    let route = |text: &str| as_route(&format!(r#"{{"route": {{"cluster_name": "c", {text}}}}}"#));
    let matching =
        |text: &str| as_route(&format!(r#"{{"match": {text}, "route": {{"cluster_name": "c"}}}}"#));
    let cases: &[(String, &str)] = &[
        (
            as_route("{}"),
            "6:1: error: servers[0].routers[0].virtual_hosts[0].routers[0]: this route does nothing",
        ),
        (as_route(r#"{"route": {"timeout": "1s"}}"#), "this route names no cluster (set \"cluster_name\")"),
        (
            as_route(r#"{"route": {"cluster_variable": "x"}}"#),
            "\"cluster_variable\" can name a request header only",
        ),
        (
            as_route(r#"{"route": {"weighted_clusters": [{"cluster": {"name": "c", "weight": 0}}]}}"#),
            "every weight is zero",
        ),
        (as_route(r#"{"direct_response": {"status": 99}}"#), "expected a whole number from 200 to 599"),
        (
            as_route(r#"{"redirect": {"response_code": 304}}"#),
            "304 is no redirect (use 301, 302, 303, 307 or 308)",
        ),
        (as_route(r#"{"redirect": {"scheme_redirect": "1x"}}"#), "\"1x\" is not a scheme"),
        (matching(r#"{"regex": "a(b"}"#), "match.regex: \"a(b\" is not a regular expression: unclosed group"),
        (matching(r#"{"variables": [{"name": "a"}]}"#), "matching by \"variables\" is not available yet"),
        (matching(r#"{"dsl_expressions": [{"expression": "a"}]}"#), "error"),
        (
            matching(r#"{"headers": [{"name": "a b"}]}"#),
            "match.headers[0].name: \"a b\" is not a header's name",
        ),
        (matching(r#"{"headers": [{"value": "a"}]}"#), "the header's name is missing"),
        (
            route(r#""request_headers_to_add": [{"header": {"key": "a", "value": "b\r\nc: d"}}]"#),
            "a header's value can't hold a line break",
        ),
        (route(r#""request_headers_to_remove": [":path"]"#), "\":path\" is not a header's name"),
        (route(r#""upstream_protocol": "blot""#), "there is no protocol \"blot\" (did you mean \"bolt\"?)"),
        (route(r#""hash_policy": [{}]"#), "there is nothing to hash"),
        (route(r#""retry_policy": {"status_codes": [1000]}"#), "expected a whole number from 100 to 599"),
    ];
    for (text, expected) in cases {
        let said = said(text);
        assert!(said.iter().any(|line| line.contains(expected)), "{said:#?}\nshould say: {expected}");
        assert!(crate::parse(text, crate::Format::Json, "f").config.is_none(), "{expected}");
    }
}

//! What is said about bad and odd files: the line, the key, the words and the hint.

use super::{as_route, in_cluster, in_listener, in_proxy, said, with};

/// Each text with the beginnings of the lines it must produce, all of them and no others.
fn check(cases: &[(String, &[&str])]) {
    for (text, expected) in cases {
        let said = said(text);
        assert_eq!(said.len(), expected.len(), "{said:#?}\nin:\n{text}");
        for (line, expected) in said.iter().zip(*expected) {
            assert!(line.contains(expected), "{line}\nshould say: {expected}\nin:\n{text}");
        }
    }
}

const LISTENER: &str = "servers[0].listeners[0]";

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_one() {
    let text = in_listener("\n\"conection_idle_timeout\": \"5s\"");
    assert_eq!(
        said(&text),
        [format!(
            "4:1: warning: {LISTENER}.conection_idle_timeout: unknown key \"conection_idle_timeout\" \
             is ignored (did you mean \"connection_idle_timeout\"?)"
        )]
    );
    check(&[
        (
            in_proxy(r#""fallback_for_unknow_protocol": true"#),
            &["did you mean \"fallback_for_unknown_protocol\"?"],
        ),
        (
            as_route(r#"{"route": {"cluster_name": "c", "timout": "1s"}}"#),
            &["6:33: warning: servers[0].routers[0].virtual_hosts[0].routers[0].route.timout: unknown key"],
        ),
        (
            in_cluster(r#""lb_tpye": "LB_RANDOM""#),
            &[
                "8:90: warning: cluster_manager.clusters[0].lb_tpye: unknown key \"lb_tpye\" is ignored (did you mean \"lb_type\"?)",
            ],
        ),
        (in_cluster(r#""something": 1"#), &["unknown key \"something\" is ignored"]),
        (in_cluster(r#""name": "c""#), &["\"name\" stands here more than once; the last one counts"]),
        (in_cluster(r#""LB_TYPE": "LB_RANDOM""#), &[]),
    ]);
}

#[test]
fn a_wrong_type_is_an_error_and_every_one_is_found() {
    check(&[
        (
            in_listener(r#""connection_idle_timeout": 5, "access_logs": {}, "name": 7"#),
            &[
                "3:90: error: servers[0].listeners[0].connection_idle_timeout: \"5\": the unit is missing; write for example \"5s\" or \"5ms\"",
                "error: servers[0].listeners[0].access_logs: expected a list, found an object",
                "\"name\" stands here more than once",
                "error: servers[0].listeners[0].name: expected a string, found the number 7",
            ],
        ),
        (
            in_listener(r#""bind_port": "yes""#),
            &[
                "without \"bind_port\": true",
                "more than once",
                "expected true or false, found the string \"yes\"",
            ],
        ),
        (
            in_cluster(r#""max_request_per_conn": -1"#),
            &["expected a whole number from 0 to 4294967295, found the number -1"],
        ),
        (in_cluster(r#""max_request_per_conn": 1.0"#), &["found the number 1.0"]),
        (
            in_cluster(r#""connect_timeout": "5 minutes""#),
            &["unknown unit \" minutes\"; known are ns, us, ms, s, m, h"],
        ),
        (in_cluster(r#""connect_timeout": true"#), &["expected a duration such as \"300ms\", found true"]),
        (in_cluster(r#""connect_timeout": 0, "idle_timeout": "0""#), &[]),
        (in_proxy(r#""extend_config": 3"#), &["expected an object, found the number 3"]),
        ("[]".to_owned(), &["1:1: error: expected an object, found a list"]),
    ]);
}

#[test]
fn there_is_exactly_one_server_and_no_control_plane() {
    let one = r#"{"listeners": []}"#;
    check(&[
        ("{}".to_owned(), &["1:1: error: no server is configured"]),
        (
            format!(r#"{{"servers": [{one}, {one}]}}"#),
            &["servers: there must be exactly one server, and here are 2"],
        ),
        (
            r#"{"static_resources": {"clusters": [{}]}, "dynamic_resources": {"ads_config": {}}}"#.to_owned(),
            &[
                "error: dynamic_resources: everything would come from a control plane, and xDS is not available yet",
            ],
        ),
        (
            with("", "", "", "").replacen('{', "{\"dynamic_resources\": {\"a\": 1}, ", 1),
            &["warning: dynamic_resources: xDS is not available yet"],
        ),
        (r#"{"server": []}"#.to_owned(), &["no server is configured", "did you mean \"servers\"?"]),
    ]);
}

#[test]
fn tls_that_is_switched_on_is_never_plaintext() {
    let chain =
        with("", "", "", "").replace("[{\"filters\"", "[{\"tls_context\": {\"status\": true}, \"filters\"");
    let set =
        chain.replace("\"tls_context\": {\"status\": true}", "\"tls_context_set\": [{\"Status\": true}]");
    let off = chain.replace("true}, \"filters\"", "false, \"cert_chain\": \"x\"}, \"filters\"");
    let unsaid = chain.replace("\"status\": true}, \"filters\"", "\"cert_chain\": \"x\"}, \"filters\"");
    check(&[
        (
            chain,
            &[
                "filter_chains[0].tls_context.status: TLS is not available yet, and plaintext will not be used in its place",
            ],
        ),
        (set, &["filter_chains[0].tls_context_set[0].Status: TLS is not available yet"]),
        (off, &[]),
        (unsaid, &["warning: servers[0].listeners[0].filter_chains[0].tls_context: this TLS context is off"]),
        (
            in_cluster(r#""tls_context": {"status": true}"#),
            &["error: cluster_manager.clusters[0].tls_context.status: TLS"],
        ),
        (in_cluster(r#""tls_context": {"status": "yes"}"#), &["error"]),
    ]);
}

#[test]
fn filters_that_are_not_there_are_left_out_but_never_guards() {
    let filter = |name: &str| {
        in_listener(&format!(r#""stream_filters": [{{"type": "{name}", "config": {{"a": 1}}}}]"#))
    };
    let key = "servers[0].listeners[0].stream_filters[0].type";
    check(&[
        (
            filter("healthcheck"),
            &[
                "warning: servers[0].listeners[0].stream_filters[0].type: the filter \"healthcheck\" is not available yet and is ignored",
            ],
        ),
        (filter("flowControlFilter"), &["warning"]),
        (filter("fualt"), &["the unknown filter \"fualt\" is ignored (did you mean \"fault\"?)"]),
        (filter("my_own"), &["warning"]),
        (
            filter("rbac"),
            &["the security filter \"rbac\" is not available yet, and nothing may pass without it"],
        ),
        (filter("jwt_authn"), &["error"]),
        (filter("jwt"), &["error"]),
        (filter("ip_access"), &["error"]),
        (filter("ext_authz"), &["error"]),
        (filter("envoy.filters.http.rbac"), &["error"]),
        (filter("our-acl"), &["error"]),
        (filter("oracle"), &["warning"]),
        (
            as_route(
                r#"{"route": {"cluster_name": "c"}, "per_filter_config": {"gzip": {}, "ip_access": {}}}"#,
            ),
            &[
                "per_filter_config.gzip: the filter",
                "error: servers[0].routers[0].virtual_hosts[0].routers[0].per_filter_config.ip_access",
            ],
        ),
    ]);
    assert!(said(&filter("rbac"))[0].contains(&format!("error: {key}:")));
}

#[test]
fn rules_of_the_transcoder_that_can_not_be_kept_are_told() {
    let rules = |text: &str| {
        in_listener(&format!(r#""stream_filters": [{{"type": "transcoder", "config": {text}}}]"#))
    };
    let rule = |text: &str| rules(&format!(r#"{{"rules": [{text}]}}"#));
    check(&[
        (rules("{}"), &["without \"rules\" no request is changed"]),
        (rules(r#"{"type": "bolt2http"}"#), &["config.type: there is no converter \"bolt2http\""]),
        (rule("{}"), &["config.rules[0]: a rule without \"rule_info\" changes nothing"]),
        (rule(r#"{"rule_info": {}}"#), &["rules[0].rule_info: the rule names no \"upstream_protocol\""]),
        (
            rule(r#"{"rule_info": {"upstream_protocol": "tars"}}"#),
            &["rule_info.upstream_protocol: no request can be made one of tars"],
        ),
        (
            rule(r#"{"rule_info": {"upstream_protocol": "dubo"}}"#),
            &["rule_info.upstream_protocol: there is no protocol \"dubo\" (did you mean \"dubbo\"?)"],
        ),
        (
            rule(
                r#"{"matcher_config": {"matcher_type": "cel"}, "rule_info": {"upstream_protocol": "bolt"}}"#,
            ),
            &["matcher_config.matcher_type: there is no matcher \"cel\""],
        ),
        (
            rule(
                r#"{"rule_info": {"upstream_protocol": "dubbo", "config": {"servise": "a.B", "types": [1]}}}"#,
            ),
            &["config.servise: unknown key", "config.types[0]: expected a string"],
        ),
    ]);
}

#[test]
fn faults_that_do_nothing_or_too_much_are_told() {
    let fault =
        |text: &str| in_listener(&format!(r#""stream_filters": [{{"type": "fault", "config": {text}}}]"#));
    check(&[
        (fault(r#"{"abort": {"status": 503}}"#), &["config.abort: without a \"percentage\" it is 0"]),
        (fault(r#"{"abort": {"percentage": 1}}"#), &["config.abort: without a \"status\""]),
        (fault(r#"{"delay": {"percentage": 1}}"#), &["config.delay: without a \"fixed_delay\""]),
        (
            fault(r#"{"abort": {"percentage": 101, "status": 503}}"#),
            &["config.abort.percentage: expected a whole number from 0 to 100"],
        ),
        (
            fault(r#"{"abort": {"percentage": 1, "status": 99}}"#),
            &["config.abort.status: expected a whole number from 200 to 599"],
        ),
    ]);
}

#[test]
fn network_filters_and_listeners_that_are_not_there_stop_the_start() {
    let kind =
        |name: &str| with("", "", "", "").replace("\"type\": \"proxy\"", &format!("\"type\": \"{name}\""));
    check(&[
        (
            kind("tunnel"),
            &[
                "error: servers[0].listeners[0]: no filter would handle",
                "4:10: error: servers[0].listeners[0].filter_chains[0].filters[0].type: the network filter \"tunnel\" is not available yet",
            ],
        ),
        (
            kind("proxi"),
            &[
                "no filter would handle",
                "the unknown network filter \"proxi\" is ignored (did you mean \"proxy\"?)",
            ],
        ),
        (
            kind("rbac"),
            &[
                "no filter",
                "error: servers[0].listeners[0].filter_chains[0].filters[0].type: the security filter",
            ],
        ),
        (
            in_listener(r#""network": "udp""#),
            &["error: servers[0].listeners[0].network: UDP listeners are not available yet"],
        ),
        (
            in_listener(r#""use_original_dst": "redirect""#),
            &["error: servers[0].listeners[0].use_original_dst: original destinations"],
        ),
        (in_listener(r#""use_original_dst": false"#), &[]),
        (in_listener(r#""listener_filters": [{"type": "original_dst"}]"#), &["error"]),
        (
            in_listener(r#""inspector": true, "type": "sideways", "log_path": "x""#),
            &[
                "\"inspector\" is not available yet and has no effect",
                "\"sideways\" is not a listener type",
                "unknown key \"log_path\"",
            ],
        ),
        (
            with("", "", "", "").replace("127.0.0.1:2045", "nowhere"),
            &["\"nowhere\" is not an address to listen on"],
        ),
        (
            with("", "", "", "").replace("\"bind_port\": true, ", ""),
            &["without \"bind_port\": true this listener has no socket"],
        ),
        (
            with("", "", "", "").replace("\"filters\": [", "\"filters\": []}, {\"filters\": ["),
            &["no filter would handle", "exactly one filter chain, and here are 2"],
        ),
    ]);
}

#[test]
fn protocols_that_are_not_there_are_named() {
    let protocol = |name: &str| with("", "", "", "").replace("\"Http1\"", &format!("\"{name}\""));
    check(&[
        (protocol("http1"), &["there is no protocol \"http1\" (did you mean \"Http1\"?)"]),
        (
            in_proxy(r#""upstream_protocol": "Http2""#),
            &["\"upstream_protocol\" of a proxy has no effect, as in MOSN"],
        ),
        (in_proxy(r#""upstream_protocol": "Http1""#), &[]),
        (
            with("", "", "", "").replace(", \"router_config_name\": \"r\"}", "}"),
            &["there is no router named \"\"", "this proxy has no routes"],
        ),
        (
            with("", "", "", "").replace("\"router_config_name\": \"r\"}", "\"router_config_name\": \"q\"}"),
            &["3:1: error: servers[0].listeners[0]: there is no router named \"q\" (did you mean \"r\"?)"],
        ),
    ]);
}

#[test]
fn references_and_names_are_checked_where_they_stand() {
    let vhost = |domains: &str| with("", "", "", "").replace("[\"*\"]", domains);
    check(&[
        (
            as_route(r#"{"route": {"cluster_name": "d"}}"#),
            &[
                "6:1: warning: servers[0].routers[0].virtual_hosts[0].routers[0]: there is no cluster named \"d\" (did you mean \"c\"?)",
            ],
        ),
        (
            as_route("{\"oops\": 1},\n{\"route\": {\"cluster_name\": \"far\"}}"),
            &[
                "6:1: error",
                "6:2: warning",
                "7:1: warning: servers[0].routers[0].virtual_hosts[0].routers[1]: there is no cluster named \"far\"",
            ],
        ),
        (
            vhost(r#"["a.com", "A.com"]"#),
            &[
                "5:59: error: servers[0].routers[0].virtual_hosts[0]: the domain \"a.com\" stands in more than one virtual host",
            ],
        ),
        (vhost(r#"["a.*.com"]"#), &["domains[0]: \"a.*.com\": a `*` can only stand first"]),
        (vhost(r#"["a.com:x"]"#), &["the port must be a number, `*` or the version of a service"]),
        (vhost(r#"["http://a.com"]"#), &["a domain is a host name"]),
        (vhost(r#"[]"#), &["this virtual host has no domains"]),
        (
            vhost(
                r#"["*.a.com:80", "a.com:*", "[::1]:80", "*tail", "com.shop.Orders:1.0", "com.shop.Orders:1.0:blue"]"#,
            ),
            &[],
        ),
        (
            with("", "", "", r#"}, {"name": "c", "hosts": [{"address": "h:1"}]"#),
            &["8:91: error: cluster_manager.clusters[1]: there is more than one cluster named \"c\""],
        ),
        (
            with("", "", "", "").replace(r#""hosts": [{"address": "127.0.0.1:8080"}]"#, r#""hosts": []"#),
            &["cluster \"c\" has no hosts"],
        ),
    ]);
}

#[test]
fn a_tcp_route_that_can_not_match_is_shown() {
    let tcp = |config: &str| {
        r#"{"servers": [{"listeners": [{"address": "127.0.0.1:1", "bind_port": true, "filter_chains":
[{"filters": [{"type": "tcp_proxy", "config": CONFIG}]}]}]}],
"cluster_manager": {"clusters": [{"name": "c", "hosts": [{"address": "/run/c.sock"}]}]}}"#
            .replace("CONFIG", config)
    };
    check(&[
        (tcp(r#"{"cluster": "c", "routes": [{"cluster": "c"}]}"#), &[]),
        (tcp(r#"{"routes": [{"cluster": "c"}]}"#), &["routes[0]: this route never matches"]),
        (tcp(r#"{"cluster": "c", "routes": [{}]}"#), &["routes[0]: this route names no cluster"]),
        (tcp("{}"), &["tcp_proxy has neither a cluster nor routes"]),
        (tcp(r#"{"cluster": "d"}"#), &["there is no cluster named \"d\" (did you mean \"c\"?)"]),
        (tcp(r#"{"cluster": "c", "idle_timeout": "5s"}"#), &["expected a whole number from 0"]),
        (
            tcp(
                r#"{"cluster": "c", "routes": [{"cluster": "c", "SourcePort": "9-1", "SourceAddrs": [{"Address": "1.2.3.4", "Length": 33}]}]}"#,
            ),
            &["\"9-1\" is no port", "expected a whole number from 0 to 32"],
        ),
    ]);
}

#[test]
fn clusters_and_hosts_are_checked() {
    let host = |text: &str| with("", "", "", "").replace(r#"{"address": "127.0.0.1:8080"}"#, text);
    check(&[
        (
            host(r#"{"address": "127.0.0.1:8080", "weight": 200}"#),
            &["hosts[0].weight: a weight is at most 128, which is used instead of 200"],
        ),
        (host(r#"{"address": "127.0.0.1:8080", "weight": 0}"#), &["a weight is at least 1"]),
        (
            host(r#"{"address": "example.com"}"#),
            &[
                "cluster \"c\" has no hosts",
                "\"example.com\" is not the address of a host (write ip:port, name:port or unix:/path)",
            ],
        ),
        (host(r#"{"address": "h:0"}"#), &["has no hosts", "is not the address"]),
        (host(r#"{"hostname": "h"}"#), &["has no hosts", "this host has no address"]),
        (
            in_cluster(r#""lb_type": "LB_MAGLEV""#),
            &["\"LB_MAGLEV\" is not available yet; LB_ROUNDROBIN is used"],
        ),
        (
            in_cluster(r#""lb_type": "LB_RANDON""#),
            &["unknown policy \"LB_RANDON\"; LB_ROUNDROBIN is used (did you mean \"LB_RANDOM\"?)"],
        ),
        (in_cluster(r#""type": "SIMPEL""#), &["unknown cluster type \"SIMPEL\" is treated as SIMPLE"]),
        (
            in_cluster(r#""health_check": {"protocol": "Http1"}, "keepalive": {}, "mark": 0"#),
            &["\"health_check\" is not available yet and has no effect"],
        ),
        (
            in_cluster(r#""circuit_breakers": [{"max_connections": 1}, {"max_connections": 2}]"#),
            &["circuit_breakers[1]: only the first"],
        ),
        (in_cluster(r#""lbconfig": {"choice_count": 0}"#), &["expected a whole number from 1 to 1024"]),
    ]);
}

#[test]
fn sections_of_later_features_warn_only_when_they_are_on() {
    let top = |text: &str| with("", "", "", "").replacen('{', &format!("{{{text}, "), 1);
    check(&[
        (
            top(
                r#""tracing": {"enable": false}, "pprof": {"port_value": 1}, "metrics": {"sinks": []}, "extends": []"#,
            ),
            &[],
        ),
        (
            top(r#""tracing": {"enable": true}"#),
            &["warning: tracing: \"tracing\" is not available yet: no trace is recorded"],
        ),
        (top(r#""metrics": {"sinks": [{"type": "prometheus"}]}"#), &["GET /metrics of the admin API"]),
        (top(r#""extends": [{"type": "tunnel_agent"}]"#), &["extends"]),
        (top(r#""disable_upgrade": true, "uds_dir": "x", "node": {"id": "x"}"#), &[]),
        (
            top(r#""admin": {"address": {"socket_address": {"address": "0.0.0.0", "port_value": "34901"}}}"#),
            &[
                "admin.address.socket_address.address: the admin API has no authentication, and 0.0.0.0 can be reached from elsewhere",
            ],
        ),
        (
            top(r#""admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 70000}}}"#),
            &["expected a whole number from 0 to 65535, found the number 70000"],
        ),
        (
            top(r#""admin": {"address": {"socket_address": {"address": "127.0.0.1"}}}"#),
            &["the admin API has no port"],
        ),
        (top(r#""admin": {}"#), &["warning: admin: the admin API has no address, so it is off"]),
    ]);
}

#[test]
fn a_hopeless_file_does_not_flood() {
    let bad: Vec<String> = (0..3000).map(|number| format!("\"key{number}\": 1")).collect();
    let said = said(&in_cluster(&bad.join(", ")));
    assert_eq!(said.len(), 1001);
    assert_eq!(said[1000], "warning: 0 more errors and 2000 more warnings (mend the ones above first)");
}

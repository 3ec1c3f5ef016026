//! Flags and environment in the model.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mecha_config::runtime::Endpoint;

use super::*;
use crate::tests::{environment, flags};

fn made(line: &str, env: &[(&str, &str)]) -> Runtime {
    runtime(&flags(line), &environment(env)).unwrap()
}

fn said(line: &str, env: &[(&str, &str)]) -> String {
    runtime(&flags(line), &environment(env)).unwrap_err().to_string()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn what_no_flag_says_is_what_the_model_says_by_itself() {
    let (made, model) = (made("--app-id orders", &[]), Runtime::default());
    assert_eq!(made.app, model.app);
    let apis = |apis: &Apis| (apis.max_body, apis.max_head, apis.h2c, apis.allowed_origins.clone());
    assert_eq!(apis(&made.apis), apis(&model.apis));
    let process =
        |process: &Process| (process.graceful_timeout, process.reload_interval, process.block_shutdown);
    assert_eq!(process(&made.process), process(&model.process));
}

#[test]
fn an_app_id_is_required_and_has_no_dots() {
    assert_eq!(
        said("", &[]),
        "error: --app-id: app-id is required (name the application: --app-id orders)\n"
    );
    assert_eq!(
        said("--app-id a.b", &[]),
        "error: --app-id: \"a.b\" contains a dot, which an app id can't (write for example a dash instead)\n"
    );
    assert_eq!(
        said("--app-id a||b", &[]),
        "error: --app-id: \"a||b\" contains a character that an app id can't \
         (use letters, digits, dashes and underscores)\n"
    );
}

#[test]
fn the_environment_is_read() {
    let env = [
        ("NAMESPACE", "prod"),
        ("POD_NAME", "orders-1"),
        ("DAPR_API_TOKEN", "in"),
        ("APP_API_TOKEN", "out"),
        ("DAPR_HTTP_DISABLE_H2C", "1"),
        ("DAPR_ENV_KEYS", "A"),
        ("DAPR_HOST_IP", "10.1.2.3"),
        ("MECHA_DATA_DIR", "/data"),
    ];
    let runtime = made("--app-id orders --app-port 80", &env);
    let identity = Identity { app_id: "orders".into(), namespace: "prod".into(), pod: "orders-1".into() };
    assert_eq!(runtime.identity, identity);
    assert_eq!((runtime.apis.token.as_deref(), runtime.app.token.as_deref()), (Some("in"), Some("out")));
    assert!(!runtime.apis.h2c);
    assert_eq!(runtime.process.env_keys, Some(vec!["A".to_owned()]));
    assert_eq!(runtime.process.host_ip, Some(IpAddr::from([10, 1, 2, 3])));
    assert_eq!(runtime.process.data, PathBuf::from("/data/orders"));
    assert_eq!(
        said("--app-id a", &[("DAPR_HOST_IP", "here")]),
        "error: DAPR_HOST_IP: \"here\" is not an IP address (unset it, or give the address others reach this host at)\n"
    );
}

#[test]
fn addresses_and_ports_become_endpoints() {
    let line = "--app-id a --dapr-listen-addresses=127.0.0.1,[::1] --dapr-http-port=1 --dapr-grpc-port=2 \
        --dapr-internal-grpc-port=3 --dapr-internal-grpc-listen-address=127.0.0.1 --dapr-public-port=4 \
        --dapr-public-listen-address=127.0.0.1 --metrics-port=5 --metrics-listen-address=127.0.0.1";
    let apis = made(line, &[]).apis;
    assert_eq!(apis.http, [Endpoint::Tcp(at("127.0.0.1:1")), Endpoint::Tcp(at("[::1]:1"))]);
    assert_eq!(apis.grpc, [Endpoint::Tcp(at("127.0.0.1:2")), Endpoint::Tcp(at("[::1]:2"))]);
    assert_eq!((apis.internal, apis.public), (vec![at("127.0.0.1:3")], vec![at("127.0.0.1:4")]));
    assert_eq!((apis.metrics, apis.profile), (vec![at("127.0.0.1:5")], Vec::new()));
    let apis = made("--app-id a --enable-metrics=false", &[]).apis;
    assert_eq!((apis.metrics, apis.public), (Vec::new(), Vec::new()));
    let everywhere = |port| SocketAddr::new(address::everywhere(), port);
    assert_eq!(apis.http, [Endpoint::Tcp(everywhere(3500))]);
    assert!(apis.internal[0].port() >= port::FIRST, "{:?}", apis.internal);
    assert_eq!(apis.internal, made("--app-id a", &[]).apis.internal);
    let chosen = format!("--app-id a --dapr-internal-grpc-port={}", apis.internal[0].port());
    assert!(apis.internal_may_move && !made(&chosen, &[]).apis.internal_may_move);
    let apis = made("--app-id a --unix-domain-socket /run/x", &[]).apis;
    assert_eq!(apis.http, [Endpoint::Unix("/run/x/dapr-a-http.socket".into())]);
    assert_eq!(apis.grpc, [Endpoint::Unix("/run/x/dapr-a-grpc.socket".into())]);
}

#[test]
fn servers_that_share_a_port_are_refused() {
    assert_eq!(
        said("--app-id a --app-port 3500 --dapr-grpc-port 3500", &[]),
        "error: --dapr-http-port: port 3500 is that of --app-port too (give each server a port of its own)\n\
         error: --dapr-grpc-port: port 3500 is that of --app-port too (give each server a port of its own)\n"
    );
    made("--app-id a --dapr-http-port 0 --dapr-grpc-port 0", &[]);
    made("--app-id a --app-port 3500 --app-channel-address 10.0.0.9", &[]);
}

#[test]
fn health_checks_are_made_when_they_are_asked_for() {
    assert_eq!(made("--app-id a --app-health-check-path up", &[]).app.health, None);
    let health =
        made("--app-id a --enable-app-health-check --app-health-check-path up", &[]).app.health.unwrap();
    assert_eq!((health.path.as_str(), health.threshold), ("/up", 3));
    assert_eq!((health.interval, health.timeout), (Duration::from_secs(5), Duration::from_millis(500)));
    assert_eq!(
        said("--app-id a --enable-app-health-check --app-health-probe-timeout 6000", &[]),
        "error: --app-health-probe-timeout: is longer than --app-health-probe-interval \
         (an answer must come before the next probe)\n"
    );
}

#[test]
fn a_bad_listen_address_is_said_once() {
    let mut flags = flags("--app-id a");
    flags.listen_addresses = vec!["no such host".to_owned()];
    let said = runtime(&flags, &environment(&[])).unwrap_err().to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with("error: --dapr-listen-addresses: \"no such host\" is no address to listen on: ")
    );
}

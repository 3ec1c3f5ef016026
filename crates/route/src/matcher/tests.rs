//! How conditions are compared: paths, headers, and what RPC protocols, gRPC and Triple have in the place of headers.

use bytes::BytesMut;
use bytestring::ByteString;
use mecha_codec::rpc::{Decoded, Limits, Protocol};
use mecha_http::{Headers, Method, Version};

use super::*;
use crate::table::tests::{header, request};

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

fn matcher(path: PathMatch, headers: Vec<HeaderMatch>) -> Matcher {
    Matcher::build(&RouteMatch { path, headers })
}

#[test]
fn how_paths_are_compared() {
    let cases = [
        (PathMatch::Any, "", true),
        (PathMatch::Any, "*", true),
        (PathMatch::Prefix("/a".into()), "/ab", true),
        (PathMatch::Prefix("/a".into()), "/A", false),
        (PathMatch::Prefix("/a".into()), "/", false),
        (PathMatch::Exact("/Some/Path".into()), "/some/pATH", true),
        (PathMatch::Exact("/some".into()), "/some/", false),
        (PathMatch::Exact("/\u{fc}".into()), "/\u{dc}", false),
        (PathMatch::Regex(regex("[0-9]+")), "/x/12/y", true),
        (PathMatch::Regex(regex("^/[0-9]+$")), "/x/12", false),
    ];
    for (rule, path, fits) in cases {
        let case = format!("{rule:?} {path}");
        assert_eq!(matcher(rule, vec![]).matches(path, &request("a", path, &[])), fits, "{case}");
    }
}

#[test]
fn how_headers_are_compared() {
    let head = request("a.test", "/", &[("X-One", "1"), ("content-type", "text/plain"), ("empty", "")]);
    let cases = [
        (vec![], true),
        (vec![header("x-one", ValueMatch::Exact("1".into()))], true),
        (vec![header("x-one", ValueMatch::Exact("2".into()))], false),
        (vec![header("x-one", ValueMatch::Present)], true),
        (vec![header("x-two", ValueMatch::Present)], false),
        (vec![header("empty", ValueMatch::Present)], true),
        (vec![header("x-two", ValueMatch::Regex(regex(".*")))], false),
        (vec![header("empty", ValueMatch::Regex(regex(".*")))], true),
        (vec![header("content-type", ValueMatch::Regex(regex("plain")))], true),
        (vec![header("method", ValueMatch::Exact("GET".into()))], true),
        (vec![header("method", ValueMatch::Exact("POST".into()))], false),
        (vec![header(":method", ValueMatch::Regex(regex("^(GET|PUT)$")))], true),
        (vec![header("host", ValueMatch::Exact("a.test".into()))], true),
        (vec![header(":authority", ValueMatch::Exact("b.test".into()))], false),
        (vec![header("x-one", ValueMatch::Present), header("x-two", ValueMatch::Present)], false),
    ];
    for (headers, fits) in cases {
        let case = format!("{headers:?}");
        assert_eq!(matcher(PathMatch::Any, headers).matches("/", &head), fits, "{case}");
    }
}

/// A captured frame as the exchange sees it.
pub(crate) fn frame(protocol: Protocol, file: &str) -> RequestHead {
    let path = format!("{}/../codec/goldens/{}/{file}.bin", env!("CARGO_MANIFEST_DIR"), protocol.name());
    let mut input = BytesMut::from(&*std::fs::read(path).unwrap());
    let mut fields = Vec::new();
    let decoded = protocol.codec().decode(&mut input, &Limits::default(), &mut fields).unwrap();
    let Decoded::Frame(envelope) = decoded else { panic!("{file} is no whole frame") };
    let headers = Headers::from_block(envelope.raw.clone(), fields);
    let service = headers.get_str("service").unwrap_or_default();
    RequestHead {
        version: Version::Rpc,
        method: Method::POST,
        authority: ByteString::from(service),
        target: ByteString::from_static("/"),
        headers,
        rpc: Some(envelope),
    }
}

fn exact(name: &str, value: &str) -> HeaderMatch {
    header(name, ValueMatch::Exact(value.into()))
}

fn fits(head: &RequestHead, cases: &[(HeaderMatch, bool)]) {
    for (rule, fits) in cases {
        assert_eq!(header_fits(rule, head), *fits, "{rule:?}");
        let matcher = matcher(PathMatch::Any, vec![rule.clone()]);
        assert_eq!(matcher.matches("/", head), *fits, "{rule:?}");
    }
}

#[test]
fn a_message_of_dubbo_is_told_by_what_it_calls() {
    let head = frame(Protocol::Dubbo, "request-attachments");
    fits(
        &head,
        &[
            (exact("service", "mecha.peers.Echo"), true),
            (exact("service", "mecha.peers.echo"), false),
            (header("service", ValueMatch::Present), true),
            (header("service", ValueMatch::Regex(regex(r"^mecha\.(?:peers|other)\."))), true),
            (exact("interface", "mecha.peers.Echo"), true),
            (exact("host", "mecha.peers.Echo"), true),
            (exact("method", "POST"), false),
            (exact("method", head.headers.get_str("method").unwrap()), true),
            (exact(":method", head.headers.get_str("method").unwrap()), true),
            (exact("rpc-method", head.headers.get_str("method").unwrap()), true),
            (exact("version", "0.0.0"), true),
            (exact("remote.application", "mecha-peer"), true),
            (exact("group", "blue"), false),
        ],
    );
}

#[test]
fn a_message_of_bolt_is_told_by_its_service_with_and_without_version() {
    for file in ["sofa-id-request", "node-id-request"] {
        let head = frame(Protocol::Bolt, file);
        fits(
            &head,
            &[
                (exact("service", "mecha.peers.sofa.Peer"), true),
                (exact("service", "mecha.peers.sofa.Peer:1.0"), true),
                (exact("service", "mecha.peers.sofa.Peer:2.0"), false),
                (header("service", ValueMatch::Regex(regex(":1\\.0$"))), true),
                (header("service", ValueMatch::Regex(regex("Peer$"))), true),
                (exact("version", "1.0"), true),
                (exact("method", "id"), true),
                (exact("rpc-method", "id"), true),
                (exact("class", "com.alipay.sofa.rpc.core.request.SofaRequest"), true),
            ],
        );
    }
}

#[test]
fn a_path_of_grpc_and_triple_is_told_by_service_and_method() {
    let grpc = request("a", "/shop.Orders/List", &[("content-type", "application/grpc")]);
    fits(
        &grpc,
        &[
            (exact("service", "shop.Orders"), true),
            (exact("rpc-method", "List"), true),
            // The method of HTTP stays what it is.
            (exact("method", "GET"), true),
            (exact("method", "List"), false),
            (header("group", ValueMatch::Present), false),
        ],
    );
    let triple = [
        ("tri-service-group", "blue"),
        ("tri-service-version", "1.0.0"),
        ("content-type", "application/json"),
    ];
    fits(
        &request("a", "/shop.Orders/List", &triple),
        &[
            (exact("service", "shop.Orders"), true),
            (exact("rpc-method", "List"), true),
            (exact("group", "blue"), true),
            (exact("version", "1.0.0"), true),
        ],
    );
    // A field of that name is meant first, and what is no call has nothing else.
    let named = [("content-type", "application/grpc"), ("service", "mine"), ("version", "2")];
    fits(
        &request("a", "/shop.Orders/List", &named),
        &[
            (exact("service", "mine"), true),
            (exact("service", "shop.Orders"), false),
            (exact("version", "2"), true),
        ],
    );
    fits(
        &request("a", "/shop.Orders/List", &[]),
        &[
            (header("service", ValueMatch::Present), false),
            (header("rpc-method", ValueMatch::Present), false),
        ],
    );
}

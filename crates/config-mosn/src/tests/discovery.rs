//! `spec`: a cluster whose hosts a registry knows.

use mecha_config::Discovery;
use mecha_config::discovery::{Registry, ZooKeeper};

use super::{clean, in_cluster, said};

fn spec(subscriber: &str, service: &str) -> String {
    in_cluster(&format!(
        r#""spec": {{"subscribe": [{{"subscriber": "{subscriber}", "service_name": "{service}"}}]}}"#
    ))
}

fn discovery(subscriber: &str, service: &str) -> Discovery {
    clean(&spec(subscriber, service)).clusters.remove(0).discovery.unwrap()
}

#[test]
fn a_registry_is_named_as_dubbo_names_it() {
    let found = discovery("zookeeper://10.0.0.1:2181", "com.example.Shop");
    let Registry::ZooKeeper(settings) = found.registry;
    let plain = ZooKeeper { servers: "10.0.0.1:2181".into(), root: "dubbo".into(), login: None };
    assert_eq!(settings, plain);
    assert_eq!((found.service.as_str(), found.group, found.version), ("com.example.Shop", None, None));

    let found = discovery(
        "zookeeper://me:secret@zoo1,zoo2:2182/x?backup=zoo3,zoo4:2184&group=/shop/",
        "blue/com.example.Shop:1.0",
    );
    let Registry::ZooKeeper(settings) = found.registry;
    assert_eq!(settings.servers, "zoo1:2181,zoo2:2182,zoo3:2181,zoo4:2184");
    assert_eq!(settings.root, "shop");
    assert_eq!(settings.login, Some(("me".into(), "secret".into())));
    assert_eq!((found.group.as_deref(), found.version.as_deref()), (Some("blue"), Some("1.0")));
}

#[test]
fn what_names_no_registry_or_no_service_is_said() {
    let cases = [
        (spec("nacos://a:1", "s"), "there is no registry \"nacos\""),
        (spec("zookeeper://", "s"), "this registry has no address"),
        (spec("zookeeper://a", "a/b/c"), "\"a/b/c\" names no service"),
        (spec("zookeeper://a", ":1.0"), "\":1.0\" names no service"),
        (
            in_cluster(r#""spec": {"subscribe": [{"service_name": "s"}]}"#),
            "this subscription names no registry",
        ),
        (
            in_cluster(r#""spec": {"subscribe": [{"subscriber": "zookeeper://a"}]}"#),
            "this subscription names no service",
        ),
    ];
    for (text, message) in cases {
        let said = said(&text);
        assert!(said.iter().any(|said| said.contains(message)), "{message}: {said:?}");
    }
}

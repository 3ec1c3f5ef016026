//! Every path and every method.

use mecha_config::server::LogTarget;
use mecha_metrics::DownstreamStat;
use mecha_observe::AccessLog;
use serde_json::json;

use super::client::{get, post, send};
use super::{Admin, own_log};

#[tokio::test]
async fn each_path_takes_its_methods_only() {
    let admin = Admin::start();
    let gets = [
        "/",
        "/metrics",
        "/api/v1/version",
        "/api/v1/config_dump",
        "/api/v1/stats",
        "/api/v1/stats_glob",
        "/api/v1/get_loglevel",
        "/api/v1/states",
        "/api/v1/features",
        "/api/v1/env",
        "/api/v1/explain",
    ];
    for path in gets {
        assert_ne!(get(admin.address, path).await.status, 405, "{path}");
        for method in ["POST", "PUT", "DELETE"] {
            let answer = send(admin.address, method, path, "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
        let answer = send(admin.address, "HEAD", path, "").await;
        assert_eq!(answer.body, "", "{path}");
    }
    for path in ["update_loglevel", "enable_log", "disable_log", "disbale_log"] {
        let path = format!("/api/v1/{path}");
        for method in ["GET", "HEAD", "PUT"] {
            let answer = send(admin.address, method, &path, "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
    assert_eq!(send(admin.address, "DELETE", "/api/v1/plugin", "").await.status, 405);
    admin.stop().await;
}

#[tokio::test]
async fn the_root_lists_the_paths() {
    let admin = Admin::start();
    let list = get(admin.address, "/").await;
    assert_eq!(list.status, 200);
    assert!(list.body.starts_with("supported APIs:\n"), "{}", list.body);
    let paths: Vec<_> = list.body.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(paths.len(), 14);
    for path in paths {
        assert_ne!(get(admin.address, path).await.status, 404, "{path}");
    }
    let lost = get(admin.address, "/api/v1/version/").await;
    assert_eq!(lost.status, 404);
    assert!(lost.body.contains("/api/v1/version "), "{}", lost.body);
    admin.stop().await;
}

#[tokio::test]
async fn version_and_state_are_mosns_words() {
    let admin = Admin::start();
    assert_eq!(get(admin.address, "/api/v1/version").await.body, "mosn version: 0.1.0\n");
    let states = get(admin.address, "/api/v1/states").await;
    assert_eq!(states.body, format!("pid={}&state=6\n", std::process::id()));
    assert_eq!(states.header("content-type"), Some("text/plain; charset=utf-8"));
    admin.stop().await;
}

#[tokio::test]
async fn the_configuration_is_dumped_whole_and_in_parts() {
    let admin = Admin::start();
    let whole = get(admin.address, "/api/v1/config_dump").await;
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("application/json")));
    let whole = whole.json();
    let keys: Vec<_> = whole.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["cluster", "extends", "listener", "mosn_config", "routers"]);
    assert_eq!(whole["mosn_config"]["admin"]["address"]["socket_address"]["port_value"], 34901);

    let cases = [
        ("mosnconfig", whole["mosn_config"].clone()),
        ("allrouters", whole["routers"].clone()),
        ("allclusters", whole["cluster"].clone()),
        ("alllisteners=", whole["listener"].clone()),
        ("router=shop", whole["routers"]["shop"].clone()),
        ("cluster=blue", whole["cluster"]["blue"].clone()),
        ("listener=front", whole["listener"]["front"].clone()),
    ];
    for (parameter, part) in cases {
        let answer = get(admin.address, &format!("/api/v1/config_dump?{parameter}")).await;
        assert_eq!((answer.status, answer.json()), (200, part.clone()), "{parameter}");
        assert!(part.as_object().is_some_and(|part| !part.is_empty()), "{parameter}");
    }
    assert_eq!(whole["cluster"]["blue"]["hosts"][1]["address"], "127.0.0.1:8081");

    let two = get(admin.address, "/api/v1/config_dump?allrouters&allclusters").await;
    assert_eq!((two.status, two.body.as_str()), (400, "only support one parameter"));
    for unknown in ["router=none", "nothing"] {
        let answer = get(admin.address, &format!("/api/v1/config_dump?{unknown}")).await;
        assert_eq!((answer.status, answer.json()), (500, json!({ "error": "internal error" })));
    }
    admin.stop().await;
}

#[tokio::test]
async fn what_was_counted_is_told_in_three_ways() {
    let admin = Admin::start();
    let scopes = [admin.registry.downstream_global(), admin.registry.listener("front")];
    scopes.iter().for_each(|scope| scope.shard(0).inc(DownstreamStat::RequestTotal));

    let stats = get(admin.address, "/api/v1/stats").await;
    assert_eq!(stats.json()["downstream"]["listener.front"]["request_total"], "1");
    assert!(stats.body.starts_with("{\n\t\""), "MOSN indents with tabs: {}", stats.body);
    let one = get(admin.address, "/api/v1/stats?key=downstream.listener.front").await;
    assert!(one.body.lines().any(|line| line == "request_total:1"), "{}", one.body);
    let none = get(admin.address, "/api/v1/stats?key=downstream.listener.x").await;
    assert_eq!((none.status, none.body.as_str()), (200, "no metrics key: downstream.listener.x"));
    assert_eq!(get(admin.address, "/api/v1/stats?key=a&b=c").await.status, 400);
    let glob = get(admin.address, "/api/v1/stats_glob").await;
    assert!(glob.body.lines().any(|line| line == "request_total:1"), "{}", glob.body);

    let metrics = get(admin.address, "/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.body.contains("downstream_request_total{listener=\"front\"} 1\n"));
    assert!(metrics.body.contains("_bucket{"), "histograms are real ones");
    admin.stop().await;
}

#[tokio::test]
async fn logs_are_turned_by_their_paths() {
    let admin = Admin::start();
    let log = own_log(&admin.logs);
    let level = |level: &str| format!("{{\"log_path\": \"stderr\", \"log_level\": \"{level}\"}}");
    assert_eq!(get(admin.address, "/api/v1/get_loglevel").await.body, "{\"stderr\":\"INFO\"}");
    let changed = post(admin.address, "/api/v1/update_loglevel", &level("ERROR")).await;
    assert_eq!((changed.status, changed.body.as_str()), (200, "update logger success\n"));
    assert_eq!(get(admin.address, "/api/v1/get_loglevel").await.body, "{\"stderr\":\"ERROR\"}");
    for bad in [level("LOUD"), level("INFO").replace("stderr", "none"), "{".to_owned(), "{}".to_owned()] {
        let refused = post(admin.address, "/api/v1/update_loglevel", &bad).await;
        assert_eq!(refused.status, 400, "{bad}");
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("update logger failed: "), "{error}");
    }

    let path = std::env::temp_dir().join(format!("mecha-admin-{}.log", std::process::id()));
    let target = LogTarget::File(path.clone());
    let format = "%response_code%".to_owned();
    let access = AccessLog::open(&mecha_config::AccessLog { target, format }, &admin.logs).unwrap();
    let path = path.to_str().unwrap();
    for (endpoint, word) in [("disbale_log", "disable"), ("enable_log", "enable"), ("disable_log", "disable")]
    {
        for log in [path, "stderr"] {
            let answer = post(admin.address, &format!("/api/v1/{endpoint}"), &format!("{log}\n")).await;
            assert_eq!((answer.status, answer.body), (200, format!("{word} logger success\n")));
        }
    }
    let unknown = post(admin.address, "/api/v1/enable_log", "none.log").await;
    let error = unknown.json()["error"].as_str().unwrap().to_owned();
    assert!(unknown.status == 400 && error.contains(path), "it names those there are: {error}");
    drop((access, log));
    std::fs::remove_file(path).unwrap();
    admin.stop().await;
}

#[tokio::test]
async fn environment_features_and_plugins_answer_as_mosn_does() {
    let admin = Admin::start();
    let env = get(admin.address, "/api/v1/env?key=PATH&key=NO_SUCH_VARIABLE").await.json();
    assert_eq!(
        env,
        json!({ "env": { "PATH": std::env::var("PATH").unwrap() }, "not_found": ["NO_SUCH_VARIABLE"] })
    );
    let none = get(admin.address, "/api/v1/env").await;
    assert_eq!((none.status, none.body.as_str()), (400, "{\n\t\"error\": \"no env key\"\n}\n"));

    let gates = get(admin.address, "/api/v1/features").await.json();
    assert_eq!(gates["auto_config"], false);
    assert_eq!(get(admin.address, "/api/v1/features?key=auto_config").await.body, "false");

    assert_eq!(get(admin.address, "/api/v1/plugin?status=all").await.status, 200);
    assert_eq!(get(admin.address, "/api/v1/plugin?enable=x").await.status, 400);
    let usage = get(admin.address, "/api/v1/plugin").await;
    assert!(usage.status == 400 && usage.body.starts_with("Usage:\n"), "{usage:?}");
    admin.stop().await;
}

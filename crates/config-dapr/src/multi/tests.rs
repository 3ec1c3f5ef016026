//! Run files: what applications share and what is their own, paths, mistakes.

use super::*;
use crate::tests::{Folder, environment};
use mecha_config::runtime::AppProtocol;
use mecha_config::server::LogLevel;

fn load(folder: &Folder) -> (Option<MultiRun>, Vec<String>) {
    let (run, found) = load_multi(folder.path(), &environment(&[("HOME", "/nowhere")]));
    (run, folder.lines(&found.to_string()))
}

fn clean(folder: &Folder) -> MultiRun {
    let (run, said) = load(folder);
    assert_eq!(said, Vec::<String>::new());
    run.unwrap()
}

/// Two applications: one that says everything, one that says nothing.
const SHOP: &str = r#"
version: 1
name: shop
common:
  resourcesPath: ./shared
  configFilePath: shared/config.yaml
  appProtocol: http
  logLevel: warn
  enableApiLogging: true
  appMaxConcurrency: 4
  env: {DEBUG: true, PLACE: common}
apps:
  - appID: orders
    appDirPath: ./orders/
    appPort: 8001
    daprHTTPPort: 3501
    daprGRPCPort: 50011
    metricsPort: 9091
    resourcesPaths: [res]
    configFilePath: conf.yaml
    appProtocol: grpc
    enableAppHealthCheck: true
    appHealthProbeInterval: 7
    enableApiLogging: false
    command: [python3, app.py, 5]
    env: {PLACE: own}
    appLogDestination: console
    daprdLogDestination: fileAndConsole
  - appDirPath: checkout
    command: ["node", "."]
"#;

#[test]
fn what_apps_share_and_what_is_their_own() {
    let folder = Folder::with(&[
        ("dapr.yaml", SHOP),
        ("shared/config.yaml", ""),
        ("orders/res/a.yaml", ""),
        ("orders/conf.yaml", ""),
        ("checkout/app.js", ""),
    ]);
    let run = clean(&folder);
    let base = folder.path().canonicalize().unwrap();
    assert_eq!(run.name.as_deref(), Some("shop"));
    let [orders, checkout] = &run.apps[..] else { panic!("{run:?}") };
    assert_eq!(orders.folder, base.join("orders"));
    assert_eq!(orders.command, ["python3", "app.py", "5"]);
    assert_eq!(orders.env["DEBUG"], "true");
    assert_eq!((orders.env["PLACE"].as_str(), checkout.env["PLACE"].as_str()), ("own", "common"));
    assert_eq!((orders.app_log, orders.runtime_log), (LogTo::Console, LogTo::Both));
    let flags = &orders.flags;
    assert_eq!((flags.app_id.as_str(), flags.app_port), ("orders", Some(8001)));
    assert_eq!((flags.http_port, flags.grpc_port, flags.metrics_port), (3501, 50011, 9091));
    assert_eq!((flags.app_protocol, flags.log_level), (AppProtocol::Grpc, LogLevel::Warn));
    assert_eq!((flags.api_logging, flags.app_max_concurrency), (Some(false), Some(4)));
    assert!(flags.health_check && flags.health_interval.as_secs() == 7);
    assert_eq!(flags.resources, [base.join("orders/res")]);
    assert_eq!(flags.config, [base.join("orders/conf.yaml")]);
    assert_eq!((checkout.app_id.as_str(), checkout.flags.app_id.as_str()), ("checkout", "checkout"));
    assert_eq!((checkout.app_log, checkout.runtime_log), (LogTo::Both, LogTo::File));
    assert_eq!((checkout.flags.http_port, checkout.flags.grpc_port, checkout.flags.metrics_port), (0, 0, 0));
    assert_eq!((checkout.flags.api_logging, checkout.flags.app_port), (Some(true), None));
    assert_eq!(checkout.flags.resources, [base.join("shared")]);
    assert_eq!(checkout.flags.config, [base.join("shared/config.yaml")]);
    let again = Flags::parse(checkout.arguments.clone()).unwrap();
    assert_eq!(again, crate::Parsed::Run(Box::new(checkout.flags.clone())));
}

#[test]
fn an_apps_dapr_folder_goes_before_what_is_common() {
    let text =
        "version: 1\ncommon: {resourcesPaths: [a, b], configFilePath: c.yaml}\napps: [{appDirPath: x}]\n";
    let folder = Folder::with(&[
        ("dapr.yaml", text),
        ("a/1.yaml", ""),
        ("b/1.yaml", ""),
        ("c.yaml", ""),
        ("x/.dapr/config.yaml", ""),
        ("x/.dapr/resources/1.yaml", ""),
    ]);
    let base = folder.path().canonicalize().unwrap();
    let app = clean(&folder).apps.remove(0);
    assert_eq!(app.flags.resources, [base.join("x/.dapr/resources")]);
    assert_eq!(app.flags.config, [base.join("x/.dapr/config.yaml")]);
    assert!(app.command.is_empty());
    std::fs::remove_dir_all(base.join("x/.dapr")).unwrap();
    let app = clean(&folder).apps.remove(0);
    assert_eq!(app.flags.resources, [base.join("a"), base.join("b")]);
    assert_eq!(app.flags.config, [base.join("c.yaml")]);
}

#[test]
fn mistakes_are_said_at_once_with_their_places() {
    let text = "version: 2
common:
  configFilePath: none.yaml
  appProtocl: http
apps:
  - {appID: a, appPort: 1, env: {}, logLevel: info, daprHTTPPort: 1}
  - appDirPath: nowhere
  - appDirPath: .
    appID: b
    appPort: 99999
  - {appDirPath: ., appID: c, appLogDestination: printer}
  - {appDirPath: ., appID: c}
";
    let folder = Folder::with(&[("run.yaml", text)]);
    let path = folder.path().join("run.yaml");
    let (run, found) = load_multi(&path, &environment(&[]));
    assert!(run.is_none());
    let said = folder.lines(&found.to_string().replace(
        &folder.path().canonicalize().unwrap().display().to_string(),
        &folder.path().display().to_string(),
    ));
    assert_eq!(
        said,
        [
            "run.yaml:1:10: error: version: version 2 of run files is unknown (write version: 1)",
            "run.yaml:3:19: error: common.configFilePath: there is no none.yaml \
             (paths are relative to the file, or to appDirPath)",
            "run.yaml:4:3: warning: common.appProtocl: unknown key \"appProtocl\" is ignored \
             (did you mean \"appProtocol\"?)",
            "run.yaml:6:5: error: apps[0]: this app has no appDirPath (set the folder that its command runs in)",
            "run.yaml:7:17: error: apps[1].appDirPath: there is no nowhere \
             (paths are relative to the file, or to appDirPath)",
            "run.yaml:8:5: error: apps[2]: --app-port: \"99999\" is not a port from 0 to 65535",
            "run.yaml:11:50: error: apps[3].appLogDestination: \"printer\" is no destination of logs \
             (there are console, file and fileAndConsole)",
            "run.yaml:12:5: error: apps[4]: a second app is called \"c\" (give each its own appID)",
        ]
    );
}

#[test]
fn a_run_file_needs_a_version_and_apps() {
    let folder = Folder::with(&[("dapr.yaml", "common: {}\n")]);
    assert_eq!(
        load(&folder).1,
        [
            "dapr.yaml:1:1: error: the run file has no version (set version: 1)",
            "dapr.yaml:1:1: error: the run file names no apps (add apps: [{appDirPath: ., command: [...]}])",
        ]
    );
    let empty = Folder::with(&[]);
    let (run, said) = load(&empty);
    assert!(run.is_none());
    assert_eq!(
        said,
        ["dapr.yaml: error: can't be read: No such file or directory (os error 2) \
          (give a file, or a folder that holds dapr.yaml, with -f)"]
    );
}

//! One application of a run file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mecha_document::{Node, Object};

use super::path::{self, DAPR};
use super::{App, LogTo, either};
use crate::environment::Environment;
use crate::flags::{Flags, Parsed};

/// Keys that become flags as they are; `common` may hold them too.
const SHARED: [(&str, &str); 15] = [
    ("appProtocol", "app-protocol"),
    ("apiListenAddresses", "dapr-listen-addresses"),
    ("enableProfiling", "enable-profiling"),
    ("logLevel", "log-level"),
    ("appMaxConcurrency", "app-max-concurrency"),
    ("placementHostAddress", "placement-host-address"),
    ("schedulerHostAddress", "scheduler-host-address"),
    ("appSSL", "app-ssl"),
    ("maxBodySize", "max-body-size"),
    ("readBufferSize", "read-buffer-size"),
    ("enableAppHealthCheck", "enable-app-health-check"),
    ("appHealthCheckPath", "app-health-check-path"),
    ("appHealthProbeInterval", "app-health-probe-interval"),
    ("appHealthProbeTimeout", "app-health-probe-timeout"),
    ("appHealthThreshold", "app-health-threshold"),
];

/// The same, with `enableApiLogging`, whose `false` says something.
const API_LOGGING: (&str, &str) = ("enableApiLogging", "enable-api-logging");

/// Keys of an application that become flags as they are.
const OWN: [(&str, &str); 4] = [
    ("appChannelAddress", "app-channel-address"),
    ("appPort", "app-port"),
    ("unixDomainSocket", "unix-domain-socket"),
    ("daprInternalGRPCPort", "dapr-internal-grpc-port"),
];

/// Ports that the system chooses when they are not named.
const PORTS: [(&str, &str); 3] =
    [("daprHTTPPort", "dapr-http-port"), ("daprGRPCPort", "dapr-grpc-port"), ("metricsPort", "metrics-port")];

/// Keys with a meaning of their own, and those that only matter to other ways of running.
const COMMON_KEYS: [&str; 8] = [
    "env",
    "configFilePath",
    "resourcesPath",
    "resourcesPaths",
    "componentsPath",
    "appLogDestination",
    "daprdLogDestination",
    "runtimePath",
];

/// What applications share.
pub(super) struct Shared<'s, 'd> {
    pub(super) common: Option<&'s Object<'d>>,
    /// The folder of the file.
    pub(super) base: &'s Path,
    pub(super) env: &'s Environment,
}

impl<'d> Shared<'_, 'd> {
    /// Takes the keys of `common` as known even when there is no application.
    pub(super) fn check(&self) {
        if let Some(common) = self.common {
            accept(common, &[&SHARED]);
        }
    }

    /// Reads an application; `None` when it has no folder.
    pub(super) fn app(&self, own: &Object<'d>) -> Option<App> {
        accept(own, &[&SHARED, &OWN, &PORTS]);
        own.accept(&[
            "appID",
            "containerImage",
            "containerImagePullPolicy",
            "createService",
            "runtimePath",
            "profilePort",
        ]);
        let command = own.each("command", |node| Some(node.plain()));
        let env = self.variables(own);
        let app_log = self.log(own, "appLogDestination", LogTo::Both);
        let runtime_log = self.log(own, "daprdLogDestination", LogTo::File);
        let Some(folder) = own.get("appDirPath") else {
            own.node().error_with("this app has no appDirPath", "set the folder that its command runs in");
            return None;
        };
        let folder = path::existing(folder, self.base, self.env)?;
        let app_id = own
            .text("appID")
            .map(str::to_owned)
            .or_else(|| Some(folder.file_name()?.to_string_lossy().into_owned()));
        let app_id = app_id.unwrap_or_default();
        let arguments = self.arguments(own, &app_id, &folder);
        let flags = match Flags::parse(arguments.iter().cloned()) {
            Ok(Parsed::Run(flags)) => *flags,
            Ok(_) => Flags::default(),
            Err(error) => {
                own.node().error(error.to_string());
                return None;
            }
        };
        Some(App { app_id, folder, command, env, flags, arguments, app_log, runtime_log })
    }

    fn arguments(&self, own: &Object<'d>, app_id: &str, folder: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: &std::ffi::OsStr| {
            let mut argument = OsString::from(format!("--{flag}="));
            argument.push(value);
            arguments.push(argument);
        };
        add("app-id", app_id.as_ref());
        let shared =
            SHARED.iter().map(|(key, flag)| (either(own, self.common, key).filter(|n| n.is_set()), flag));
        let own_keys = OWN.iter().map(|(key, flag)| (own.get(key).filter(|node| node.is_set()), flag));
        let logging = own.get(API_LOGGING.0).or(self.common.and_then(|common| common.get(API_LOGGING.0)));
        for (node, flag) in own_keys.chain(shared).chain([(logging, &API_LOGGING.1)]) {
            if let Some(node) = node {
                add(flag, node.plain().as_ref());
            }
        }
        for (key, flag) in PORTS {
            let port = own.get(key).map(Node::plain).filter(|port| !port.starts_with('-'));
            add(flag, port.as_deref().unwrap_or("0").as_ref());
        }
        for resources in self.resources(own, folder) {
            add("resources-path", resources.as_os_str());
        }
        if let Some(file) = self.config(own, folder) {
            add("config", file.as_os_str());
        }
        arguments
    }

    /// The application's own folders of resources, else `.dapr/resources` in its folder, else the common ones.
    fn resources(&self, own: &Object<'d>, folder: &Path) -> Vec<PathBuf> {
        let paths = |fields: &Object<'d>, base: &Path| -> Vec<PathBuf> {
            ["resourcesPaths", "resourcesPath", "componentsPath"]
                .into_iter()
                .filter_map(|key| fields.get(key))
                .flat_map(|node| path::list(node, base, self.env))
                .collect()
        };
        let mut found = paths(own, folder);
        let beside = folder.join(DAPR).join("resources");
        if found.is_empty() && beside.is_dir() {
            found.push(beside);
        }
        if found.is_empty()
            && let Some(common) = self.common
        {
            found = paths(common, self.base);
        }
        found
    }

    /// The application's own configuration, else `.dapr/config.yaml` in its folder, else the common one.
    fn config(&self, own: &Object<'d>, folder: &Path) -> Option<PathBuf> {
        const KEY: &str = "configFilePath";
        if let Some(node) = own.get(KEY).filter(|node| node.is_set()) {
            return path::existing(node, folder, self.env);
        }
        let beside = folder.join(DAPR).join("config.yaml");
        if beside.is_file() {
            return Some(beside);
        }
        path::existing(self.common?.get(KEY)?, self.base, self.env)
    }

    fn variables(&self, own: &Object<'d>) -> BTreeMap<String, String> {
        let common = self.common.and_then(|common| common.get("env"));
        let pairs = common.into_iter().chain(own.get("env")).flat_map(Node::pairs);
        pairs.map(|(name, value)| (name.text().to_owned(), value.plain())).collect()
    }

    fn log(&self, own: &Object<'d>, key: &'static str, default: LogTo) -> LogTo {
        let Some(node) = either(own, self.common, key) else { return default };
        match node.string() {
            Some("console") => LogTo::Console,
            Some("file") => LogTo::File,
            Some("fileAndConsole") => LogTo::Both,
            Some("") | None => default,
            Some(other) => {
                let other = mecha_document::shortened(other);
                node.error_with(
                    format!("\"{other}\" is no destination of logs"),
                    "there are console, file and fileAndConsole",
                );
                default
            }
        }
    }
}

/// Takes the keys as known, so that an entry that is left out is reported once and not for each of its keys.
fn accept(fields: &Object<'_>, tables: &[&[(&'static str, &str)]]) {
    fields.accept(&COMMON_KEYS);
    fields.accept(&[API_LOGGING.0]);
    tables.iter().flat_map(|table| table.iter()).for_each(|(key, _)| fields.accept(&[key]));
}

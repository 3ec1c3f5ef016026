//! Files on disk: default paths, folders that stand for lists, files that can't be read.

use std::fs;
use std::path::{Path, PathBuf};

use mecha_config::server::LogTarget;

use super::with;
use crate::{Format, load};

/// A folder of this test's own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("mecha-config-mosn-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const VHOST: &str = r#"{"name": "v", "domains": ["*"], "routers": [
    {"match": {"prefix": "/"}, "route": {"cluster_name": "nowhere"}}]}"#;

fn by_folders() -> String {
    r#"{"servers": [{"routers": [{"router_config_name": "r", "router_configs": "hosts"}]}],
        "cluster_manager": {"clusters_configs": "clusters"}}"#
        .to_owned()
}

#[test]
fn logs_lie_beside_the_folder_of_the_file() {
    let folder = Folder::new("logs");
    let text = with("", ", \"access_logs\": [{}]", "", "").replace("\"name\": \"l\"", "\"name\": \"in/out\"");
    let loaded = load(&folder.write("configs/mosn.json", text));
    let config = loaded.config.unwrap();
    assert_eq!(config.server.log, LogTarget::File(folder.0.join("logs/mosn.log")));
    let access = &config.listeners[0].access_logs[0].target;
    assert_eq!(*access, LogTarget::File(folder.0.join("logs/in_out_access.log")));
    assert_eq!(config.server.pid_file, None);
}

#[test]
fn the_name_of_a_file_tells_its_format() {
    assert_eq!(Format::of(Path::new("a/b.YAML")), Format::Yaml);
    assert_eq!(Format::of(Path::new("b.yml")), Format::Yaml);
    assert_eq!(Format::of(Path::new("b.conf")), Format::Json);
    let folder = Folder::new("format");
    assert!(load(&folder.write("a.yaml", "servers: [{default_log_path: stdout}]")).config.is_some());
    assert!(load(&folder.write("a.json", "servers: [{default_log_path: stdout}]")).config.is_none());
}

#[test]
fn folders_stand_for_clusters_and_virtual_hosts() {
    let folder = Folder::new("folders");
    folder.write("clusters/b.json", r#"{"name": "b", "hosts": [{"address": "127.0.0.1:2"}]}"#);
    folder
        .write("clusters/a.json", r#"{"name": "a", "hosts": [{"address": "127.0.0.1:1"}], "lb_tpye": "x"}"#);
    folder.write("clusters/notes.txt", "not a cluster");
    folder.write("hosts/v.json", VHOST);
    let loaded = load(&folder.write("mosn.json", by_folders()));
    let said = loaded.diagnostics.to_string();
    let config = loaded.config.unwrap();
    let names: Vec<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(config.routers[0].virtual_hosts[0].name, "v");
    let (cluster, host) = (folder.0.join("clusters/a.json"), folder.0.join("hosts/v.json"));
    assert!(said.contains(&format!("{}:1:54: warning: lb_tpye: unknown key", cluster.display())), "{said}");
    let missing =
        format!("{}:2:5: warning: routers[0]: there is no cluster named \"nowhere\"", host.display());
    assert!(said.contains(&missing), "{said}");
}

#[test]
fn a_list_and_a_folder_at_once_are_refused() {
    let folder = Folder::new("both");
    let text =
        with("", "", "", "").replace("\"clusters\"", "\"clusters_configs\": \"clusters\", \"clusters\"");
    let said = load(&folder.write("mosn.json", text)).diagnostics.to_string();
    assert!(
        said.contains(
            "cluster_manager.clusters_configs: only one of static config or dynamic config should be exists"
        ),
        "{said}"
    );
    let text =
        with("", "", "", "").replace("\"virtual_hosts\"", "\"router_configs\": \"hosts\", \"virtual_hosts\"");
    let said = load(&folder.write("mosn.json", text)).diagnostics.to_string();
    assert!(said.contains("servers[0].routers[0].router_configs: only one of static config"), "{said}");
}

#[test]
fn what_can_not_be_read_is_said() {
    let folder = Folder::new("unread");
    let said = |path: &Path| load(path).diagnostics.to_string();
    let nowhere = folder.0.join("nowhere.json");
    assert!(said(&nowhere).starts_with(&format!("{}: error: can't be read: ", nowhere.display())));
    let binary = folder.write("binary.json", b"{\"a\": \"\xff\"}");
    assert!(said(&binary).contains("is not UTF-8 text (byte 7)"));
    let missing = said(&folder.write("mosn.json", by_folders()));
    assert!(
        missing.contains("error: cluster_manager.clusters_configs: the folder clusters can't be read"),
        "{missing}"
    );
    assert!(missing.contains("error: servers[0].routers[0].router_configs: the folder hosts can't be read"));
}

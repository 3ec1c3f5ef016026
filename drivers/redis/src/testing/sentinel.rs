//! A master, a replica and the Sentinel that watches them.

use super::eventually;
use super::server::{Server, folder};

/// The name of the master.
pub(crate) const MASTER: &str = "main";

/// A master, a replica, and a Sentinel that puts the replica in the master's place when that is gone.
pub(crate) struct Sentinel {
    pub(crate) master: Server,
    pub(crate) replica: Server,
    sentinel: Server,
}

impl Sentinel {
    pub(crate) async fn start() -> Self {
        let master = Server::start(&[]);
        let master_port = master.port.to_string();
        let replica =
            Server::start(&["--replicaof", "127.0.0.1", &master_port, "--repl-diskless-sync-delay", "0"]);
        let sentinel = Server::try_ports(|port| {
            let folder = folder();
            let file = folder.join("sentinel.conf");
            let lines = [
                format!("port {port}"),
                "bind 127.0.0.1".to_owned(),
                format!("dir {}", folder.display()),
                format!("sentinel monitor {MASTER} 127.0.0.1 {master_port} 1"),
                format!("sentinel down-after-milliseconds {MASTER} 500"),
                format!("sentinel failover-timeout {MASTER} 2000"),
            ];
            std::fs::write(&file, lines.join("\n")).unwrap();
            let arguments = vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()];
            Server::with(port, folder, arguments)
        });
        assert!(sentinel.folder().exists());
        let all = Sentinel { master, replica, sentinel };
        eventually("the replica is in step and the Sentinel knows it", async || {
            all.master.cli(&["info", "replication"]).contains("state=online")
                && all.sentinel.cli(&["sentinel", "master", MASTER]).contains("num-slaves\n1")
        })
        .await;
        all
    }

    /// Where the Sentinel listens.
    pub(crate) fn host(&self) -> String {
        self.sentinel.host()
    }
}

//! A cluster of three masters.

use super::eventually;
use super::server::{Server, cli};

/// Three nodes that share the slots.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let nodes: Vec<_> = (0..3).map(|_| Server::start(&arguments)).collect();
        let hosts: Vec<_> = nodes.iter().map(Server::host).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(hosts.iter().map(String::as_str));
        create.push("--cluster-yes");
        let said = cli(&create);
        assert!(said.contains("All 16384 slots covered"), "redis-cli --cluster create: {said}");
        let cluster = Cluster { nodes };
        eventually("every node knows the whole cluster", async || {
            let knows = |node: &Server| {
                let info = node.cli(&["cluster", "info"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            cluster.nodes.iter().all(knows)
        })
        .await;
        cluster
    }

    /// Every node, as `redisHost` names them.
    pub(crate) fn hosts(&self) -> String {
        self.nodes.iter().map(Server::host).collect::<Vec<_>>().join(",")
    }

    /// What `redis-cli` prints for a command of a key, sent to the node that has it.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let all: Vec<_> = ["-c"].iter().chain(arguments).copied().collect();
        self.nodes[0].cli(&all)
    }
}

//! One server.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use super::PATIENCE;

const INSTALL: &str = "these tests need redis-server and redis-cli (Debian: apt-get install redis-server)";
/// What a server says when it can be talked to, and what a Sentinel says.
const READY: [&str; 2] = ["Ready to accept connections", "+monitor master"];

/// A running `redis-server`.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one that keeps nothing on disk.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::try_ports(|port| Self::on(port, arguments))
    }

    /// Tries until `start` finds its port free.
    pub(super) fn try_ports(mut start: impl FnMut(u16) -> Option<Server>) -> Self {
        (0..20).find_map(|_| start(free_port())).expect("a free port for redis-server")
    }

    /// On `port`; `None` when somebody else took it.
    pub(super) fn on(port: u16, arguments: &[&str]) -> Option<Self> {
        let folder = folder();
        let port_text = port.to_string();
        let place = folder.to_string_lossy().into_owned();
        let plain = [
            "--port",
            &port_text,
            "--bind",
            "127.0.0.1",
            "--dir",
            &place,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let arguments = plain.iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
        Self::with(port, folder, arguments)
    }

    /// With nothing but these arguments.
    pub(super) fn with(port: u16, folder: PathBuf, arguments: Vec<String>) -> Option<Self> {
        let mut server = Server { port, folder, arguments, child: None };
        server.run().then_some(server)
    }

    /// Starts it again; without a disk, it is empty then.
    pub(crate) fn start_again(&mut self) {
        assert!(self.run(), "redis-server must start again on port {}", self.port);
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What `redis-cli` prints for a command, one answer a line.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let all: Vec<_> = ["-p", &port].iter().chain(arguments).copied().collect();
        cli(&all)
    }

    fn run(&mut self) -> bool {
        let mut child = Command::new("redis-server")
            .args(&self.arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{INSTALL}: {error}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (ready, is_ready) = mpsc::channel();
        // Reads to the end, so that the server never waits for room.
        std::thread::spawn(move || {
            for line in lines {
                if READY.iter().any(|words| line.contains(words)) {
                    let _ = ready.send(());
                }
            }
        });
        let started = is_ready.recv_timeout(PATIENCE).is_ok();
        self.child = Some(child);
        if !started {
            self.kill();
        }
        started
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs `redis-cli`; what it prints.
pub(crate) fn cli(arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{INSTALL}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub(super) fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("mecha-redis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port that nobody has, nor the one for the nodes of a cluster that belongs to it.
fn free_port() -> u16 {
    let free = |port: &u16| {
        [*port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
    };
    (0..1000).map(|_| fastrand::u16(20_000..32_000)).find(free).expect("a free port")
}

//! Everything that one run of the quickstart owns: a folder with the configuration and the logs, the ports, the
//! three processes. Whatever way the run ends, it stops what it started.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};

use super::child::Child;
use super::configuration::{ACCESS_LOG, configuration};
use super::ports::{self, Ports, Reservation};
use super::service;
use crate::failure::Failure;

/// How long a process may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at whether it does.
const PAUSE: Duration = Duration::from_millis(2);
/// Names that are tried for the folder before giving up.
const FOLDER_ATTEMPTS: u32 = 100;

/// One run.
pub(super) struct Stand {
    folder: PathBuf,
    config: PathBuf,
    ports: Ports,
    reserved: Option<Reservation>,
    dead_host: Option<TcpSocket>,
    children: Vec<Child>,
    mecha_start: Duration,
}

impl Stand {
    /// Chooses ports and writes the configuration; starts nothing. Fails when there is no place to write.
    pub(super) fn open() -> Result<Self, Failure> {
        let (ports, reserved) = ports::reserve()?;
        let folder = new_folder()?;
        let config = folder.join("mosn_config.json");
        let text = format!("{:#}\n", configuration(&ports, &folder));
        fs::write(&config, text)
            .map_err(|error| Failure::new(format!("can't write {}: {error}", config.display())))?;
        let reserved = Some(reserved);
        let mecha_start = Duration::ZERO;
        Ok(Stand { folder, config, ports, reserved, dead_host: None, children: Vec::new(), mecha_start })
    }

    /// Starts the services and Mecha; returns once all of them listen. Fails when one of them does not.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        self.dead_host = self.reserved.take().map(Reservation::release);
        for (name, address) in service::NAMES.into_iter().zip(self.ports.services) {
            let port = address.port().to_string();
            let log = self.folder.join(format!("{name}.log"));
            self.children.push(Child::spawn(
                name,
                &["quickstart-service", "--name", name, "--port", &port],
                log,
            )?);
        }
        self.until_listening(&self.ports.services.clone()).await?;

        let config = self.config.display().to_string();
        let began = Instant::now();
        let args = ["start", "--exit-with-parent", "--config", &config];
        self.children.push(Child::spawn("Mecha", &args, self.folder.join("mecha.log"))?);
        let Ports { client, server, http2_client, http2_server, auto, tcp, admin, .. } = self.ports;
        self.until_listening(&[client, server, http2_client, http2_server, auto, tcp, admin]).await?;
        self.mecha_start = began.elapsed();
        Ok(())
    }

    /// Returns once every address takes connections, or fails: too late, or a child died.
    async fn until_listening(&mut self, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let deadline = Instant::now() + START_LIMIT;
        for address in addresses {
            while TcpStream::connect(address).await.is_err() {
                if let Some(failure) = self.dead() {
                    return Err(failure);
                }
                if Instant::now() > deadline {
                    let text = format!("nobody listens on {address} after {} s", START_LIMIT.as_secs());
                    return Err(Failure::new(text));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// What to say when a process has ended; `None` while all run.
    pub(super) fn dead(&mut self) -> Option<Failure> {
        self.children.iter_mut().find_map(Child::death)
    }

    /// Returns when one of the three processes has ended.
    pub(super) async fn watch(&mut self) -> Failure {
        let [first, second, third] = self.children.as_mut_slice() else {
            return Failure::new("not every process was started");
        };
        tokio::select! {
            failure = first.died() => failure,
            failure = second.died() => failure,
            failure = third.died() => failure,
        }
    }

    /// Ends the processes, Mecha first so that it sees no service die.
    pub(super) async fn stop(&mut self) {
        while let Some(child) = self.children.pop() {
            child.stop().await;
        }
    }

    /// Deletes the folder.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }

    /// Where the configuration and the logs are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration that Mecha runs.
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// A line per request of the first listener.
    pub(super) fn access_log(&self) -> PathBuf {
        self.folder.join(ACCESS_LOG)
    }

    /// The addresses of this run.
    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The processes, services first.
    pub(super) fn children(&self) -> &[Child] {
        &self.children
    }

    /// From the start of Mecha's process until all its ports took connections.
    pub(super) fn mecha_start(&self) -> Duration {
        self.mecha_start
    }
}

/// A folder of our own among the system's temporary files, for this user's eyes only.
fn new_folder() -> Result<PathBuf, Failure> {
    let parent = std::env::temp_dir();
    for number in 0..FOLDER_ATTEMPTS {
        let folder = parent.join(format!("mecha-quickstart-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::new(format!("can't make {}: {error}", folder.display()))),
        }
    }
    Err(Failure::new(format!("no free folder name in {}; remove old mecha-quickstart-*", parent.display())))
}

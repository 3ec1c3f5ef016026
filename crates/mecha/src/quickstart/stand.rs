//! Everything that one run of the quickstart owns: a folder with the configuration, the logs and the data, the ports, the
//! four processes. Whatever way the run ends, it stops what it started.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};

use super::child::Child;
use super::client::{Client, Protocol};
use super::configuration::{ACCESS_LOG, configuration};
use super::ports::{self, Ports, Reservation};
use super::resources::{self, Files};
use super::service;
use crate::failure::Failure;

/// How long a process may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at whether it does.
const PAUSE: Duration = Duration::from_millis(2);
/// Names that are tried for the folder before giving up.
const FOLDER_ATTEMPTS: u32 = 100;
/// What a runtime answers here once it has reached its application (Dapr's reference 1.9).
const HEALTH: &str = "/v1.0/healthz";
/// The processes beside the services: the proxy with a runtime for the first, and a runtime for the second.
const RUNTIMES: [&str; 2] = ["Mecha", "Mecha (b)"];

/// One run.
pub(super) struct Stand {
    folder: PathBuf,
    config: PathBuf,
    files: Files,
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
        let files = resources::write(&ports, &folder)
            .map_err(|error| Failure::new(format!("can't write into {}: {error}", folder.display())))?;
        Ok(Stand {
            folder,
            config,
            files,
            ports,
            reserved: Some(reserved),
            dead_host: None,
            children: Vec::new(),
            mecha_start: Duration::ZERO,
        })
    }

    /// Starts the services, Mecha, and the second service's runtime; returns once all of them serve. Fails when one of
    /// them does not.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        self.dead_host = self.reserved.take().map(Reservation::release);
        for (name, address) in service::NAMES.into_iter().zip(self.ports.services) {
            let port = address.port().to_string();
            let args = ["quickstart-service", "--name", name, "--port", &port];
            self.spawn(name, &args.map(str::to_owned), &format!("{name}.log"))?;
        }
        self.until_listening(&self.ports.services.clone()).await?;

        let config = self.config.display().to_string();
        let began = Instant::now();
        let args = self.runtime(0, &["start", "--exit-with-parent", "--config", &config], "--dapr-config");
        self.spawn(RUNTIMES[0], &args, "mecha.log")?;
        let Ports { client, server, http2_client, http2_server, auto, tcp, admin, .. } = self.ports;
        let [first, second] = self.ports.runtimes.map(|runtime| runtime.http);
        self.until_listening(&[client, server, http2_client, http2_server, auto, tcp, admin, first]).await?;
        self.mecha_start = began.elapsed();

        let args = self.runtime(1, &["daprd", "--exit-with-parent"], "--config");
        self.spawn(RUNTIMES[1], &args, "mecha-b.log")?;
        self.until_healthy(&[first, second]).await
    }

    fn spawn(&mut self, name: &'static str, args: &[String], log: &str) -> Result<(), Failure> {
        self.children.push(Child::spawn(name, args, self.folder.join(log))?);
        Ok(())
    }

    /// The arguments of a process with a runtime beside a service; `config` is the flag for Dapr's Configuration.
    fn runtime(&self, number: usize, command: &[&str], config: &str) -> Vec<String> {
        let mut args: Vec<_> = command.iter().map(|&word| word.to_owned()).collect();
        let names = service::NAMES.iter().zip(self.ports.services).zip(&self.ports.runtimes);
        for ((name, service), ports) in names.skip(number).take(1) {
            args.extend(resources::flags(name, service.port(), ports, &self.files));
        }
        args.extend([config.to_owned(), self.files.config.display().to_string()]);
        args
    }

    /// Returns once every runtime says that it has reached its application, or fails: too late, or a child died.
    async fn until_healthy(&mut self, runtimes: &[SocketAddr]) -> Result<(), Failure> {
        let deadline = Instant::now() + START_LIMIT;
        for address in runtimes {
            while !is_healthy(*address).await {
                if let Some(failure) = self.dead() {
                    return Err(failure);
                }
                if Instant::now() > deadline {
                    return Err(Failure::new(format!(
                        "the runtime on {address} has not reached its application after {} s",
                        START_LIMIT.as_secs()
                    )));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
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

    /// Returns when one of the four processes has ended.
    pub(super) async fn watch(&mut self) -> Failure {
        let [first, second, third, fourth] = self.children.as_mut_slice() else {
            return Failure::new("not every process was started");
        };
        tokio::select! {
            failure = first.died() => failure,
            failure = second.died() => failure,
            failure = third.died() => failure,
            failure = fourth.died() => failure,
        }
    }

    /// Ends the processes, those of Mecha first and together, so that they see no service die.
    pub(super) async fn stop(&mut self) {
        for mecha in self.children.iter_mut().skip(service::NAMES.len()) {
            mecha.ask_to_end();
        }
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

    /// The resource files of the two runtimes.
    pub(super) fn resources(&self) -> &Path {
        &self.files.resources
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

async fn is_healthy(runtime: SocketAddr) -> bool {
    match Client::connect(runtime, Protocol::Http1).await {
        Ok(mut client) => {
            client.get(HEALTH).await.is_ok_and(|reply| reply.status == http::StatusCode::NO_CONTENT)
        }
        Err(_) => false,
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

//! `daprd --wait`: waits until the runtime on this host says that calls may be made (reference 3.1).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mecha_config::runtime::Endpoint;
use mecha_config_dapr::{Environment, Flags};

use crate::failure::Failure;

/// How long it waits.
const LIMIT: Duration = Duration::from_secs(60);
/// From one question to the next.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one question may take.
const ONE: Duration = Duration::from_secs(2);

/// Exit status 0 once it is ready; fails after a minute.
pub(crate) fn run(flags: &Flags, environment: &Environment) -> Result<ExitCode, Failure> {
    let address = address(flags, environment);
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if is_ready(address) {
            return Ok(ExitCode::SUCCESS);
        }
        #[expect(clippy::disallowed_methods, reason = "this process has nothing to do but to ask again")]
        std::thread::sleep(PAUSE);
    }
    Err(Failure::new(format!("no runtime was ready on {address} within {} s", LIMIT.as_secs())))
}

/// Where the HTTP API of these flags listens, as this host reaches it.
fn address(flags: &Flags, environment: &Environment) -> SocketAddr {
    let first = mecha_config_dapr::runtime(flags, environment).ok().and_then(|runtime| {
        runtime.apis.http.into_iter().find_map(|endpoint| match endpoint {
            Endpoint::Tcp(address) => Some(address),
            Endpoint::Unix(_) => None,
        })
    });
    match first {
        Some(address) if !address.ip().is_unspecified() => address,
        other => SocketAddr::from(([127, 0, 0, 1], other.map_or(flags.http_port, |address| address.port()))),
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, ONE)?;
        stream.set_read_timeout(Some(ONE))?;
        stream.write_all(
            b"GET /v1.0/healthz/outbound HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head.starts_with(b"HTTP/1.1 204"))
    };
    ask().unwrap_or(false)
}

//! Making a connection to a host: name look-up, the connect timeout, socket options.

use std::net::SocketAddr;
use std::time::Duration;

use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_config::cluster::HostAddress;
use mecha_net::Stream;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

/// A connection to `address` within `limit`.
///
/// # Errors
/// [`Kind::ConnectFailed`] or [`Kind::ConnectTimeout`]; nothing was sent, so another try is safe.
pub(crate) async fn connect(address: &HostAddress, limit: Duration) -> Result<Stream> {
    match timeout(limit, dial(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(Kind::ConnectFailed, address).because(error)),
        Err(_) => Err(failed(Kind::ConnectTimeout, address)),
    }
}

fn failed(kind: Kind, address: &HostAddress) -> Error {
    Error::upstream(kind, address.to_string()).retry_when(RetrySafety::Safe)
}

async fn dial(address: &HostAddress) -> std::io::Result<Stream> {
    match address {
        HostAddress::Tcp(address) => dial_tcp(*address).await,
        HostAddress::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        HostAddress::Name(name, port) => {
            let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
            for address in lookup_host((name.as_str(), *port)).await? {
                match dial_tcp(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

async fn dial_tcp(address: SocketAddr) -> std::io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    // Heads and first body bytes leave in one write, so Nagle only delays.
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}

//! Making a connection to a host: name look-up, the connect timeout, socket options, and what is counted of it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_cluster::{Cluster, Host};
use mecha_config::cluster::HostAddress;
use mecha_metrics::{UpstreamHistogram, UpstreamStat};
use mecha_net::Stream;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::metrics::UpstreamMetrics;

/// A connection to `address` within `limit`.
///
/// # Errors
/// [`Kind::ConnectFailed`] or [`Kind::ConnectTimeout`]; nothing was sent, so another try is safe.
pub(crate) async fn connect(address: &HostAddress, limit: Duration) -> Result<Stream> {
    within(limit, address, dial(address)).await
}

/// A connection to `host`, of whatever `greet` makes of its bytes, within the connect timeout. It is counted as tried,
/// and by how long it took or how it failed.
///
/// # Errors
/// As [`connect`], and those of `greet`.
pub(super) async fn open<T, F>(
    cluster: &Cluster,
    host: &Host,
    metrics: &UpstreamMetrics,
    greet: impl FnOnce(Stream) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let start = Instant::now();
    metrics.inc(UpstreamStat::ConnectionTotal);
    let connect = async { greet(dial(&host.address).await?).await };
    let opened = within(cluster.connect_timeout, &host.address, connect).await;
    match &opened {
        Ok(_) => metrics.observe(UpstreamHistogram::ConnectTime, start.elapsed()),
        Err(error) => {
            metrics.inc(UpstreamStat::ConnectionConFail);
            if error.kind() == Kind::ConnectTimeout {
                metrics.inc(UpstreamStat::ConnectionTimeout);
            }
        }
    }
    opened
}

async fn within<T>(
    limit: Duration,
    address: &HostAddress,
    connect: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, connect).await.unwrap_or_else(|_| Err(failed(Kind::ConnectTimeout, address)))
}

fn failed(kind: Kind, address: &HostAddress) -> Error {
    Error::upstream(kind, address.to_string()).retry_when(RetrySafety::Safe)
}

async fn dial(address: &HostAddress) -> Result<Stream> {
    let stream = match address {
        HostAddress::Tcp(address) => dial_tcp(*address).await,
        HostAddress::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        HostAddress::Name(name, port) => dial_name(name, *port).await,
    };
    stream.map_err(|error| failed(Kind::ConnectFailed, address).because(error))
}

async fn dial_name(name: &str, port: u16) -> std::io::Result<Stream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((name, port)).await? {
        match dial_tcp(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn dial_tcp(address: SocketAddr) -> std::io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    // Heads and first body bytes leave in one write, so Nagle only delays.
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}

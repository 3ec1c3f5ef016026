//! Which loopback ports the quickstart uses: the tutorial's when they are free, the next free ones otherwise.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use crate::failure::Failure;

/// How many ports after the preferred one are tried.
const ATTEMPTS: u16 = 200;

/// The addresses of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// The tutorial's `clientListener`, HTTP/1.
    pub(super) client: SocketAddr,
    /// The tutorial's `serverListener`, HTTP/1.
    pub(super) server: SocketAddr,
    /// The same two for HTTP/2.
    pub(super) http2_client: SocketAddr,
    pub(super) http2_server: SocketAddr,
    /// Detects the protocol.
    pub(super) auto: SocketAddr,
    /// TCP.
    pub(super) tcp: SocketAddr,
    /// The admin API.
    pub(super) admin: SocketAddr,
    /// The demo services, in the order of `service::NAMES`.
    pub(super) services: [SocketAddr; 2],
    /// The application runtimes beside them, in the same order.
    pub(super) runtimes: [RuntimePorts; 2],
    /// Nobody answers here.
    pub(super) dead: SocketAddr,
}

/// Where one application runtime listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuntimePorts {
    /// Its HTTP API.
    pub(super) http: SocketAddr,
    /// Its gRPC API.
    pub(super) grpc: SocketAddr,
    /// What other runtimes call.
    pub(super) internal: SocketAddr,
    /// Its metrics.
    pub(super) metrics: SocketAddr,
}

/// Keeps ports from being taken, by this process or another one.
pub(super) struct Reservation {
    held: Vec<TcpListener>,
    /// Bound, but not listening: connections are refused, and nobody else can take the port.
    dead: TcpSocket,
}

/// Chooses ports and holds them. Fails when loopback has none.
pub(super) fn reserve() -> Result<(Ports, Reservation), Failure> {
    let mut held = Vec::new();
    let mut take = |preferred| {
        let (listener, address) = free(preferred)?;
        held.push(listener);
        Ok::<_, Failure>(address)
    };
    let (dead, dead_address) = dead()?;
    let ports = Ports {
        client: take(2045)?,
        server: take(2046)?,
        http2_client: take(2047)?,
        http2_server: take(2048)?,
        auto: take(2049)?,
        tcp: take(2050)?,
        admin: take(34901)?,
        services: [take(8080)?, take(8081)?],
        runtimes: [runtime(&mut take, 0)?, runtime(&mut take, 1)?],
        dead: dead_address,
    };
    Ok((ports, Reservation { held, dead }))
}

/// The usual ports of a runtime, so many further on.
fn runtime(
    take: &mut impl FnMut(u16) -> Result<SocketAddr, Failure>,
    number: u16,
) -> Result<RuntimePorts, Failure> {
    Ok(RuntimePorts {
        http: take(3500 + number)?,
        grpc: take(50001 + number)?,
        internal: take(47300 + number)?,
        metrics: take(9090 + number)?,
    })
}

impl Reservation {
    /// Lets the ports go to the processes that are about to listen there. The dead one stays held by what is
    /// returned.
    pub(super) fn release(self) -> TcpSocket {
        drop(self.held);
        self.dead
    }
}

/// The first free port from the preferred one on, or else any.
fn free(preferred: u16) -> Result<(TcpListener, SocketAddr), Failure> {
    let bind = |port| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let near = preferred..=preferred.saturating_add(ATTEMPTS);
    near.filter_map(|port| bind(port).ok())
        .next()
        .map_or_else(|| bind(0), Ok)
        .map_err(|error| Failure::new(format!("no free port on 127.0.0.1: {error}")))
}

fn dead() -> Result<(TcpSocket, SocketAddr), Failure> {
    let bound = || {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok::<_, std::io::Error>((socket, address))
    };
    bound().map_err(|error| Failure::new(format!("no free port on 127.0.0.1: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::ErrorKind;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_taken_port_is_passed_over_and_no_port_is_used_twice() {
        let (taken, address) = free(20_450).unwrap();
        let (_next, other) = free(address.port()).unwrap();
        assert_ne!(address, other);
        drop(taken);

        let (ports, _held) = reserve().unwrap();
        let all = [ports.client, ports.server, ports.http2_client, ports.http2_server, ports.auto, ports.tcp];
        let rest = [ports.admin, ports.services[0], ports.services[1], ports.dead];
        let runtimes = ports.runtimes.map(|ports| [ports.http, ports.grpc, ports.internal, ports.metrics]);
        let distinct: HashSet<_> = all.iter().chain(&rest).chain(runtimes.iter().flatten()).collect();
        assert_eq!(distinct.len(), all.len() + rest.len() + 8);
    }

    #[test]
    fn the_dead_address_refuses_and_stays_taken() {
        let (ports, reservation) = reserve().unwrap();
        let _dead = reservation.release();
        assert_eq!(TcpStream::connect(ports.dead).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpListener::bind(ports.dead).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}

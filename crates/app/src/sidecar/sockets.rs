//! The addresses of the runtime's APIs, all taken before anything runs.

use std::io;
use std::net::SocketAddr;

use mecha_config::runtime::{Endpoint, Runtime};
use mecha_net::{Address, listener as net};

use crate::error::AppError;

/// The sockets of every API.
pub(super) struct Sockets {
    pub(super) http: Vec<net::Bound>,
    pub(super) grpc: Vec<net::Bound>,
    pub(super) internal: Vec<net::Bound>,
    pub(super) public: Vec<net::Bound>,
    pub(super) metrics: Vec<net::Bound>,
}

impl Sockets {
    /// Takes them; ports that the system chose are put into `config`, so that whoever is told of them is told right.
    pub(super) fn take(config: &mut Runtime, workers: usize) -> Result<Self, AppError> {
        let apis = &mut config.apis;
        Ok(Sockets {
            http: endpoints("HTTP API", &mut apis.http, workers)?,
            grpc: endpoints("gRPC API", &mut apis.grpc, workers)?,
            internal: internal(&mut apis.internal, apis.internal_may_move, workers)?,
            public: addresses("public API", &mut apis.public, workers)?,
            metrics: addresses("metrics", &mut apis.metrics, 1)?,
        })
    }

    /// Where they listen, by name.
    pub(super) fn addresses(&self) -> Vec<(String, Address)> {
        let named = [
            ("HTTP API", &self.http),
            ("gRPC API", &self.grpc),
            ("internal gRPC", &self.internal),
            ("public API", &self.public),
            ("metrics", &self.metrics),
        ];
        let each = |(name, sockets): (&str, &Vec<net::Bound>)| {
            let known = sockets.iter().filter_map(|socket| socket.address().ok());
            known.map(|address| (name.to_owned(), address)).collect::<Vec<_>>()
        };
        named.into_iter().flat_map(each).collect()
    }
}

fn endpoints(api: &str, endpoints: &mut [Endpoint], workers: usize) -> Result<Vec<net::Bound>, AppError> {
    let take = |endpoint: &mut Endpoint| match endpoint {
        Endpoint::Tcp(address) => take_tcp(api, address, workers),
        Endpoint::Unix(path) => net::bind_unix(path).map_err(|source| AppError::Api {
            api: api.to_owned(),
            address: path.display().to_string(),
            source,
        }),
    };
    endpoints.iter_mut().map(take).collect()
}

fn addresses(api: &str, addresses: &mut [SocketAddr], workers: usize) -> Result<Vec<net::Bound>, AppError> {
    addresses.iter_mut().map(|address| take_tcp(api, address, workers)).collect()
}

/// A taken port that nobody chose gives way to another.
fn internal(
    internal: &mut [SocketAddr],
    may_move: bool,
    workers: usize,
) -> Result<Vec<net::Bound>, AppError> {
    let take = |address: &mut SocketAddr| match take_tcp("internal gRPC", address, workers) {
        Err(AppError::Api { source, .. }) if may_move && source.kind() == io::ErrorKind::AddrInUse => {
            address.set_port(0);
            take_tcp("internal gRPC", address, workers)
        }
        taken => taken,
    };
    internal.iter_mut().map(take).collect()
}

fn take_tcp(api: &str, address: &mut SocketAddr, workers: usize) -> Result<net::Bound, AppError> {
    let failed = |source| AppError::Api { api: api.to_owned(), address: address.to_string(), source };
    let bound = net::bind_tcp(*address, workers).map_err(failed)?;
    if let Some(port) = bound.address().map_err(failed)?.port() {
        address.set_port(port);
    }
    Ok(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_internal_port_gives_way_unless_it_was_chosen() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = internal(&mut [address], false, 1).map(drop).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        let mut moved = [address];
        let bound = internal(&mut moved, true, 1).unwrap();
        assert_ne!(moved[0].port(), address.port());
        assert_eq!(bound[0].address().unwrap().port(), Some(moved[0].port()));
    }
}

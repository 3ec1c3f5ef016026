//! Listening sockets. Every worker has its own: over TCP by SO_REUSEPORT, so that the kernel spreads
//! connections without a shared queue; over Unix by sharing one socket. Binding and listening are two
//! steps, so that a bad address is known before anything starts.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::{Address, Stream};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Bound sockets of one address, one for each worker; not yet known to any reactor.
pub enum Bound {
    /// One socket for each worker.
    Tcp(Vec<std::net::TcpListener>),
    /// One socket, shared.
    Unix(StdUnixListener, Arc<Path>),
}

/// A listening socket of one worker.
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix stream socket.
    Unix(UnixListener, Arc<Path>),
}

/// Binds `workers` sockets to `address`. With port 0 they all get the port that the first one was given.
///
/// # Errors
/// When the address is in use, not of this machine, or not allowed.
pub fn bind_tcp(address: SocketAddr, workers: usize) -> io::Result<Bound> {
    // Without SO_REUSEPORT first: it would let two processes of the same user share a port unnoticed.
    refuse_if_taken(address)?;
    let first = listen(address)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < workers {
        sockets.push(listen(address)?);
    }
    Ok(Bound::Tcp(sockets))
}

/// Binds a Unix socket at `path`; a socket file that nobody listens on any more is replaced.
///
/// # Errors
/// When somebody listens there, the path is no socket, or its folder can't be written.
pub fn bind_unix(path: &Path) -> io::Result<Bound> {
    remove_unused(path)?;
    let socket = StdUnixListener::bind(path)?;
    socket.set_nonblocking(true)?;
    Ok(Bound::Unix(socket, path.into()))
}

/// Removes the socket file of a process that is gone. Whatever else has that name is not ours to remove; the kernel
/// refuses a connection to it just the same (unix(7)).
fn remove_unused(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the path is there and is no socket"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn refuse_if_taken(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it: heads and first body bytes leave in one write, so Nagle only delays.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Bound {
    /// The address, with the port that was given.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Bound::Tcp(sockets) => match sockets.first() {
                Some(socket) => socket.local_addr().map(Address::Tcp),
                None => Err(io::ErrorKind::NotConnected.into()),
            },
            Bound::Unix(_, path) => Ok(Address::Unix(Some(path.clone()))),
        }
    }

    /// One socket for each worker, to be given to [`Listener::start`] on its thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn split(self, workers: usize) -> io::Result<Vec<Bound>> {
        match self {
            Bound::Tcp(sockets) => Ok(sockets.into_iter().map(|socket| Bound::Tcp(vec![socket])).collect()),
            Bound::Unix(socket, path) => {
                (0..workers).map(|_| Ok(Bound::Unix(socket.try_clone()?, path.clone()))).collect()
            }
        }
    }
}

impl Listener {
    /// Registers a bound socket with the reactor of the calling worker.
    ///
    /// # Errors
    /// When the reactor refuses it, or there is none.
    pub fn start(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(sockets) => match sockets.into_iter().next() {
                Some(socket) => TcpListener::from_std(socket).map(Listener::Tcp),
                None => Err(io::ErrorKind::NotConnected.into()),
            },
            Bound::Unix(socket, path) => Ok(Listener::Unix(UnixListener::from_std(socket)?, path)),
        }
    }

    /// Begins no further handshakes, so that none is reset between the last look at the queue and [`Listener::close`]; those
    /// that have begun still complete. A packet filter drops what asks for a connection; the client's kernel asks again a
    /// second later, and then hears that nobody listens. Unix sockets have no handshake.
    pub fn refuse_new(&self) {
        let Listener::Tcp(socket) = self else { return };
        // Classic BPF over the TCP header: the flags are its byte 13; SYN without ACK is dropped, all else kept.
        let drop_syn = [
            SockFilter::new(0x30, 0, 0, 13),
            SockFilter::new(0x54, 0, 0, 0x12),
            SockFilter::new(0x15, 0, 1, 0x02),
            SockFilter::new(0x06, 0, 0, 0),
            SockFilter::new(0x06, 0, 0, u32::MAX),
        ];
        // Without it the window is as wide as it is everywhere else.
        let _ = SockRef::from(socket).attach_filter(&drop_syn);
    }

    /// Stops listening, and returns the connections that were queued already.
    ///
    /// The queue itself is asked for them: the reactor may not have heard of the last ones yet, and closing over
    /// them would reset them.
    pub fn close(self) -> Vec<(Stream, Address)> {
        match self {
            Listener::Tcp(socket) => {
                let Ok(socket) = socket.into_std() else { return Vec::new() };
                let accept = || {
                    let (stream, peer) = socket.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok((Stream::Tcp(TcpStream::from_std(stream)?), Address::Tcp(peer)))
                };
                queued(accept)
            }
            Listener::Unix(socket, _) => {
                let Ok(socket) = socket.into_std() else { return Vec::new() };
                let accept = || {
                    let (stream, _) = socket.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok((Stream::Unix(UnixStream::from_std(stream)?), Address::Unix(None)))
                };
                queued(accept)
            }
        }
    }

    /// The next connection and the peer's address.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Address)>> {
        match self {
            Listener::Tcp(socket) => {
                let (stream, peer) = ready!(socket.poll_accept(cx))?;
                Poll::Ready(Ok((Stream::Tcp(stream), Address::Tcp(peer))))
            }
            Listener::Unix(socket, _) => {
                let (stream, _) = ready!(socket.poll_accept(cx))?;
                Poll::Ready(Ok((Stream::Unix(stream), Address::Unix(None))))
            }
        }
    }
}

/// What a socket that does not block still gives.
fn queued<T>(mut accept: impl FnMut() -> io::Result<T>) -> Vec<T> {
    let mut accepted = Vec::new();
    loop {
        match accept() {
            Ok(one) => accepted.push(one),
            // Errors of a connection that died in the queue.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
            Err(_) => return accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("mecha-listener-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn only_a_socket_that_nobody_listens_on_is_replaced() {
        let folder = folder("unix");
        let path = folder.join("socket");
        let first = bind_unix(&path).unwrap();
        assert_eq!(bind_unix(&path).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        drop(bind_unix(&path).unwrap());
        let file = folder.join("file");
        std::fs::write(&file, "precious").unwrap();
        assert_eq!(bind_unix(&file).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_worker_gets_a_socket_of_one_port_that_nobody_else_gets() {
        let bound = bind_tcp("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let Address::Tcp(address) = bound.address().unwrap() else { panic!("not TCP") };
        assert_eq!(bind_tcp(address, 1).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(bound.split(3).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_listener_that_refuses_new_connections_still_gives_those_that_were_made() {
        let bound = bind_tcp("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let Address::Tcp(address) = bound.address().unwrap() else { panic!("not TCP") };
        let listener = Listener::start(bound).unwrap();
        let queued = std::net::TcpStream::connect(address).unwrap();
        listener.refuse_new();
        let late = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200));
        assert_eq!(late.err().unwrap().kind(), io::ErrorKind::TimedOut);
        let given = listener.close();
        let peers: Vec<_> = given.iter().map(|(_, peer)| peer.clone()).collect();
        assert_eq!(peers, [Address::Tcp(queued.local_addr().unwrap())]);
    }

    #[tokio::test]
    async fn workers_share_a_unix_socket() {
        let folder = folder("shared");
        let path = folder.join("socket");
        let parts = bind_unix(&path).unwrap().split(2).unwrap();
        let listeners: Vec<_> = parts.into_iter().map(|bound| Listener::start(bound).unwrap()).collect();
        let accept = std::future::poll_fn(|cx| {
            let ready = listeners.iter().find_map(|listener| match listener.poll_accept(cx) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        });
        let (client, accepted) = tokio::join!(tokio::net::UnixStream::connect(&path), accept);
        let (stream, peer) = accepted.unwrap();
        assert_eq!(peer, Address::Unix(None));
        assert_eq!(stream.local_address(), Some(Address::Unix(Some(path.as_path().into()))));
        drop(client);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn closing_hands_out_what_the_reactor_has_not_heard_of() {
        let folder = folder("close");
        let path = folder.join("socket");
        let tcp = bind_tcp("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let Address::Tcp(address) = tcp.address().unwrap() else { panic!("not TCP") };
        let tcp = Listener::start(tcp).unwrap();
        let unix = Listener::start(bind_unix(&path).unwrap()).unwrap();
        // Nothing is awaited in between: the reactor never gets to look.
        let _clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(tcp.close().len(), 3);
        assert_eq!(unix.close().len(), 1);
        assert!(std::net::TcpStream::connect(address).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

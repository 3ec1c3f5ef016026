//! The socket of multicast DNS: one for all interfaces, shared with every other process of the host that does the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use mecha_codec::mdns::Message;
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;

/// The group of RFC 6762 section 3.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
/// Largest datagram (RFC 6762 section 17).
const LARGEST: usize = 9000;
/// The pause after an error, so that one which stays does not spin.
const DEAF_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Socket {
    udp: UdpSocket,
    /// An address of each interface.
    interfaces: Vec<Ipv4Addr>,
    /// Choosing the interface and sending is one step.
    sending: Mutex<()>,
}

impl Socket {
    /// To be called inside a runtime.
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // Others of this host do so as well; each of them gets every datagram of the group.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
        socket.set_multicast_loop_v4(true)?;
        socket.set_multicast_ttl_v4(255)?;
        let mut interfaces: Vec<Ipv4Addr> = if_addrs::get_if_addrs()?
            .into_iter()
            .filter_map(|interface| match interface.ip() {
                std::net::IpAddr::V4(ip) => Some(ip),
                std::net::IpAddr::V6(_) => None,
            })
            .collect();
        interfaces.retain(|ip| socket.join_multicast_v4(&GROUP, ip).is_ok());
        if interfaces.is_empty() {
            return Err(io::Error::other("no interface takes multicast"));
        }
        Ok(Socket { udp: UdpSocket::from_std(socket.into())?, interfaces, sending: Mutex::new(()) })
    }

    /// Sends to the group on every interface. One that can't send now is passed over: questions are repeated.
    pub(super) async fn send(&self, message: &Message) {
        let bytes = message.encode();
        let _alone = self.sending.lock().await;
        for ip in &self.interfaces {
            if SockRef::from(&self.udp).set_multicast_if_v4(ip).is_ok() {
                let _ = self.udp.send_to(&bytes, SocketAddrV4::new(GROUP, PORT)).await;
            }
        }
    }

    /// Sends as far as that needs no waiting.
    pub(super) fn send_now(&self, message: &Message) {
        let bytes = message.encode();
        for ip in &self.interfaces {
            if SockRef::from(&self.udp).set_multicast_if_v4(ip).is_ok() {
                let _ = self.udp.try_send_to(&bytes, SocketAddrV4::new(GROUP, PORT).into());
            }
        }
    }

    /// Answers a question. Who asks from a port of its own gets the answer alone; at the group's port several processes
    /// listen, and a datagram to one address would reach only one of them.
    pub(super) async fn answer(&self, mut answer: Message, question: &Message, from: SocketAddr) {
        if from.port() == PORT {
            return self.send(&answer).await;
        }
        answer.id = question.id;
        answer.questions.clone_from(&question.questions);
        let _ = self.udp.send_to(&answer.encode(), from).await;
    }

    /// The next message; what is none is passed over. Errors do not last: interfaces come back, memory is freed.
    pub(super) async fn receive(&self) -> (Message, SocketAddr) {
        let mut buffer = [0; LARGEST];
        loop {
            let (length, from) = match self.udp.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!("name resolution: mDNS can't be heard: {error}");
                    tokio::time::sleep(DEAF_PAUSE).await;
                    continue;
                }
            };
            if let Ok(message) = Message::decode(buffer.get(..length).unwrap_or_default()) {
                return (message, from);
            }
        }
    }
}

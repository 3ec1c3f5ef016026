//! What the quickstart tries: the paths through Mecha, and what each must answer.

mod blocks;

use std::net::SocketAddr;

use bytes::Bytes;

use super::client::{Client, Protocol, Reply};
use super::configuration::{WEIGHTS, WELCOME};
use super::ports::Ports;
use super::{client, service};

/// The gRPC call: a frame is a flag byte (not compressed), the length in four bytes, the message.
const GRPC_METHOD: &str = "/quickstart.Echo/Say";
const GRPC_FRAME: &[u8] = b"\x00\x00\x00\x00\x0chello, mecha";

/// One path.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// The first column of the table.
    pub(super) name: &'static str,
    /// What the calls pass, for the last column.
    pub(super) way: String,
    /// Where the calls go.
    pub(super) address: SocketAddr,
    /// What a call is.
    pub(super) call: Call,
    /// What must hold of all calls together.
    pub(super) proof: Proof,
}

/// What a call is and what it must answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// A GET that one of these services answers, in this protocol.
    Service(Protocol, &'static str, &'static [&'static str]),
    /// A GET that Mecha answers with this text.
    Direct(&'static str, &'static str),
    /// A unary call that comes back as it went.
    Grpc,
    /// Bytes over a connection of its own.
    Tcp,
    /// State with etags.
    State,
    /// A message from its publication to its delivery.
    Message,
    /// A call of one application by the other.
    Invocation,
    /// A secret.
    Secret,
}

/// What must hold of all calls together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// Nothing more than that each succeeds.
    Each,
    /// The services' shares are about these.
    Shares([usize; 2]),
    /// Mecha counted retries in this cluster.
    Retries,
}

/// What the calls of one lane share.
pub(super) struct Door {
    entrance: Entrance,
    /// Which lane it is, so that lanes don't meet at a key.
    lane: usize,
    /// Calls made so far.
    calls: usize,
}

/// A connection.
enum Entrance {
    Http(Client),
    /// Each call makes its own.
    Tcp,
}

impl Scenario {
    /// Every path, in the order of the table.
    pub(super) fn all(ports: &Ports) -> Vec<Scenario> {
        let mut all = Self::proxied(ports);
        all.extend(Self::blocks(ports));
        all
    }

    /// The runtime's building blocks, in the order of the table.
    fn blocks(ports: &Ports) -> [Scenario; 4] {
        let [first, second] = ports.runtimes;
        let port = first.http.port();
        [
            ("state with etags", "set, get, set again; an old etag: 409".to_owned(), Call::State),
            ("publish and subscribe", "orders > service-a, found there by its id".to_owned(), Call::Message),
            ("invocation, a to b", format!("{} > service-b", second.internal.port()), Call::Invocation),
            ("secret", "read from a file of secrets".to_owned(), Call::Secret),
        ]
        .map(|(name, way, call)| Scenario {
            name,
            way: format!("{port} > {way}"),
            address: first.http,
            call,
            proof: Proof::Each,
        })
    }

    /// What passes listeners.
    fn proxied(ports: &Ports) -> Vec<Scenario> {
        let [first, both] = [&service::NAMES[..1], &service::NAMES[..]];
        let http1 = |path, services| Call::Service(Protocol::Http1, path, services);
        let http2 = |path, services| Call::Service(Protocol::Http2, path, services);
        let chain = |from: SocketAddr, to: SocketAddr| format!("{} > {} > service-a", from.port(), to.port());
        let auto = |protocol| format!("{} told {protocol} > service-a", ports.auto.port());
        let [heavy, light] = WEIGHTS;
        let client = ports.client;
        let each = |name, way, address, call| Scenario { name, way, address, call, proof: Proof::Each };
        vec![
            each("HTTP/1, two listeners", chain(client, ports.server), client, http1("/", first)),
            each(
                "HTTP/2, two listeners",
                chain(ports.http2_client, ports.http2_server),
                ports.http2_client,
                http2("/", first),
            ),
            each(
                "gRPC, two listeners",
                chain(ports.http2_client, ports.http2_server),
                ports.http2_client,
                Call::Grpc,
            ),
            each("detection, HTTP/1 client", auto("HTTP/1"), ports.auto, http1("/", first)),
            each("detection, HTTP/2 client", auto("HTTP/2"), ports.auto, http2("/", first)),
            each("TCP proxy", format!("{} > service-a", ports.tcp.port()), ports.tcp, Call::Tcp),
            Scenario {
                proof: Proof::Shares(WEIGHTS),
                ..each(
                    "weighted routes",
                    format!("{} > a {heavy} : b {light}", client.port()),
                    client,
                    http1("/weighted", both),
                )
            },
            Scenario {
                proof: Proof::Retries,
                ..each(
                    "retry over a dead host",
                    format!("{} > dead :{} or service-a", client.port(), ports.dead.port()),
                    client,
                    http1("/retry", first),
                )
            },
            each(
                "direct response",
                format!("{} answers itself", client.port()),
                client,
                Call::Direct("/welcome", WELCOME),
            ),
        ]
    }

    /// What the calls of one lane go through.
    pub(super) async fn open(&self, lane: usize) -> Result<Door, String> {
        let protocol = match self.call {
            Call::Service(protocol, ..) => Some(protocol),
            Call::Direct(..) | Call::State | Call::Message | Call::Invocation | Call::Secret => {
                Some(Protocol::Http1)
            }
            Call::Grpc => Some(Protocol::Http2),
            Call::Tcp => None,
        };
        let entrance = match protocol {
            Some(protocol) => Entrance::Http(Client::connect(self.address, protocol).await?),
            None => Entrance::Tcp,
        };
        Ok(Door { entrance, lane, calls: 0 })
    }

    /// Makes one call and says which service answered (`None`: Mecha itself, or it does not say). Fails with a
    /// reason when the answer is not as it must be.
    pub(super) async fn call(&self, door: &mut Door) -> Result<Option<&'static str>, String> {
        door.calls += 1;
        match (self.call, &mut door.entrance) {
            (Call::Service(protocol, path, services), Entrance::Http(client)) => {
                let text = expect_text(&client.get(path).await?)?;
                answered(&text, protocol, services).map(Some)
            }
            (Call::Direct(path, expected), Entrance::Http(client)) => {
                match expect_text(&client.get(path).await?)? {
                    text if text == expected => Ok(None),
                    text => Err(format!("expected {expected:?}, got {text:?}")),
                }
            }
            (Call::State, Entrance::Http(client)) => {
                blocks::state(client, &format!("shelf-{}", door.lane)).await.map(|()| None)
            }
            (Call::Message, Entrance::Http(client)) => {
                blocks::message(client, &format!("{}-{}", door.lane, door.calls)).await.map(|()| None)
            }
            (Call::Invocation, Entrance::Http(client)) => blocks::invocation(client).await.map(Some),
            (Call::Secret, Entrance::Http(client)) => blocks::secret(client).await.map(|()| None),
            (Call::Grpc, Entrance::Http(client)) => {
                echoed(&client.grpc(GRPC_METHOD, Bytes::from_static(GRPC_FRAME)).await?).map(|()| None)
            }
            (Call::Tcp, _) => {
                let answer = client::raw(self.address, "/").await?;
                let body = answer.split_once("\r\n\r\n").map_or(answer.as_str(), |(_, body)| body);
                answered(body, Protocol::Http1, &service::NAMES).map(Some)
            }
            (_, Entrance::Tcp) => Err("this call needs an HTTP connection".to_owned()),
        }
    }
}

/// The body of a 200.
fn expect_text(reply: &Reply) -> Result<String, String> {
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    if reply.status == http::StatusCode::OK {
        Ok(body)
    } else {
        Err(format!("status {}: {body}", reply.status))
    }
}

/// The service that greets in `text`, when it is one of these and was asked in this protocol.
fn answered(
    text: &str,
    protocol: Protocol,
    services: &'static [&'static str],
) -> Result<&'static str, String> {
    let version = match protocol {
        Protocol::Http1 => "over HTTP/1.1\n",
        Protocol::Http2 => "over HTTP/2.0\n",
    };
    let name = text.split(' ').next().unwrap_or_default();
    match services.iter().find(|service| **service == name) {
        Some(service) if text.ends_with(version) => Ok(service),
        _ => Err(format!("expected {} {}, got {text:?}", services.join(" or "), version.trim_end())),
    }
}

/// Checks that a gRPC call came back whole.
fn echoed(reply: &Reply) -> Result<(), String> {
    let status = reply.trailers.get(service::GRPC_STATUS).map(http::HeaderValue::as_bytes);
    if reply.body == GRPC_FRAME && status == Some(b"0") {
        return Ok(());
    }
    Err(format!(
        "expected the message and grpc-status 0, got status {}, {} bytes and trailers {:?}",
        reply.status,
        reply.body.len(),
        reply.trailers
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_service_and_protocol() {
        let text = "service-b answered GET / over HTTP/1.1\n";
        assert_eq!(answered(text, Protocol::Http1, &service::NAMES), Ok("service-b"));
        assert!(answered(text, Protocol::Http2, &service::NAMES).is_err());
        assert!(answered(text, Protocol::Http1, &["service-a"]).is_err());
        assert!(answered("", Protocol::Http1, &service::NAMES).is_err());
    }

    #[test]
    fn the_grpc_frame_says_its_length() {
        let (head, message) = GRPC_FRAME.split_at(5);
        assert_eq!(u32::from_be_bytes(head[1..].try_into().unwrap()) as usize, message.len());
    }
}

//! The two network filters: `proxy` for requests, `tcp_proxy` for bytes (MOSN reference 1.5).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A wire protocol whose requests can be routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2, cleartext with prior knowledge.
    Http2,
    /// SOFA Bolt, version 1.
    Bolt,
    /// SOFA Bolt, version 2.
    BoltV2,
    /// Dubbo 2.
    Dubbo,
    /// Thrift in Dubbo's framing.
    DubboThrift,
    /// TARS.
    Tars,
}

impl Protocol {
    /// Every protocol, in the order in which detection asks them.
    pub const ALL: [Protocol; 7] = [
        Protocol::Http2,
        Protocol::Http1,
        Protocol::Bolt,
        Protocol::BoltV2,
        Protocol::Dubbo,
        Protocol::DubboThrift,
        Protocol::Tars,
    ];

    /// MOSN's name.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "Http1",
            Protocol::Http2 => "Http2",
            Protocol::Bolt => "bolt",
            Protocol::BoltV2 => "boltv2",
            Protocol::Dubbo => "dubbo",
            Protocol::DubboThrift => "dubbo-thrift",
            Protocol::Tars => "tars",
        }
    }

    /// Whether it carries messages of an RPC protocol; HTTP otherwise.
    pub const fn is_rpc(self) -> bool {
        !matches!(self, Protocol::Http1 | Protocol::Http2)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a `proxy` filter accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// Exactly this one.
    One(Protocol),
    /// Whichever of these the first bytes show. `Auto` is all of them.
    Detect(Vec<Protocol>),
}

/// The `proxy` filter.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpProxy {
    /// What clients speak.
    pub downstream: Protocols,
    /// The route table's name.
    pub router: String,
    /// Hand a connection of an unknown protocol to the next network filter instead of closing it.
    pub fallback: bool,
    /// Limits of HTTP/1.
    pub http1: Http1Options,
    /// Limits of HTTP/2.
    pub http2: Http2Options,
    /// Limits of RPC protocols.
    pub rpc: RpcOptions,
    /// How long a body or tunnel may stand still in both directions; `None` = for ever.
    pub stream_idle_timeout: Option<Duration>,
}

/// Limits of an HTTP/1 listener (`extend_config.Http1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http1Options {
    /// Largest start line in bytes; over it: 414.
    pub max_start_line: usize,
    /// Largest head in bytes (`max_header_size`); over it: 431.
    pub max_header_bytes: usize,
    /// Most header fields; over it: 431.
    pub max_header_count: usize,
    /// Largest request body in bytes (`max_request_body_size`); over it: 413. `None` = unlimited.
    pub max_request_body: Option<u64>,
    /// How long a head may take from its first byte to its last; `None` = for ever.
    pub header_timeout: Option<Duration>,
    /// How long a request body may stand still; `None` = for ever.
    pub body_timeout: Option<Duration>,
}

impl Default for Http1Options {
    fn default() -> Self {
        Http1Options {
            max_start_line: 8 << 10,
            max_header_bytes: 60 << 10,
            max_header_count: 100,
            max_request_body: None,
            header_timeout: Some(Duration::from_secs(15)),
            body_timeout: Some(Duration::from_secs(60)),
        }
    }
}

/// Limits of an HTTP/2 listener (`extend_config.Http2`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2Options {
    /// Streams that a client may have open at once.
    pub max_concurrent_streams: u32,
    /// Flow-control window of one stream in bytes.
    pub stream_window: u32,
    /// Flow-control window of a connection in bytes.
    pub connection_window: u32,
    /// Largest decoded header list in bytes.
    pub max_header_bytes: u32,
    /// Streams that the client may reset before they were taken up (rapid reset); over it: GOAWAY.
    pub max_pending_resets: usize,
}

impl Default for Http2Options {
    fn default() -> Self {
        Http2Options {
            max_concurrent_streams: 256,
            stream_window: 256 << 10,
            // Room for some streams that stand still without stopping the others of a shared connection.
            connection_window: 16 << 20,
            max_header_bytes: 60 << 10,
            max_pending_resets: 20,
        }
    }
}

/// Limits and habits of a listener's RPC protocols (`extend_config.bolt` and its like).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcOptions {
    /// Largest frame in bytes (`max_frame_size`), head included; a larger one is refused and its connection closed.
    pub max_frame: usize,
    /// Most requests of one connection that are served side by side (`max_concurrent_requests`); beyond it the
    /// connection is not read.
    pub max_concurrent: usize,
    /// Whether clients are told of a drain by a frame (`enable_bolt_goaway`; always true of Dubbo).
    pub go_away: bool,
}

impl Default for RpcOptions {
    fn default() -> Self {
        RpcOptions { max_frame: 16 << 20, max_concurrent: 1024, go_away: false }
    }
}

/// The `tcp_proxy` filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpProxy {
    /// Prefix that the configuration gives for statistics.
    pub stat_prefix: String,
    /// The cluster for every connection; wins over `routes`.
    pub cluster: Option<String>,
    /// Clusters by address; the first match is taken.
    pub routes: Vec<TcpRoute>,
    /// How long a connection may stand still in both directions; `None` = for ever.
    pub idle_timeout: Option<Duration>,
    /// How many hosts are tried before giving up.
    pub max_connect_attempts: u32,
}

/// A `tcp_proxy` route. All four lists must match, and an empty one never does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpRoute {
    /// Where it leads.
    pub cluster: String,
    /// The client's address.
    pub source: Vec<Cidr>,
    /// The address that the client connected to.
    pub destination: Vec<Cidr>,
    /// The client's port.
    pub source_ports: Vec<PortRange>,
    /// The port that the client connected to.
    pub destination_ports: Vec<PortRange>,
}

/// An address block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address; bits past `length` are ignored.
    pub address: IpAddr,
    /// Leading bits that must agree.
    pub length: u8,
}

impl Cidr {
    /// Whether `ip` lies in the block. Families never match each other.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(block), IpAddr::V4(ip)) => {
                same_prefix(u128::from(u32::from(block)), u128::from(u32::from(ip)), 32, self.length)
            }
            (IpAddr::V6(block), IpAddr::V6(ip)) => {
                same_prefix(u128::from(block), u128::from(ip), 128, self.length)
            }
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, width: u32, length: u8) -> bool {
    let free = width.saturating_sub(u32::from(length));
    free >= 128 || (a ^ b) >> free == 0
}

/// Ports from first to last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// Whether `port` lies in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses_only() {
        let block = Cidr { address: "10.1.0.0".parse().unwrap(), length: 16 };
        assert!(block.contains("10.1.255.1".parse().unwrap()));
        assert!(!block.contains("10.2.0.1".parse().unwrap()));
        assert!(!block.contains("::1".parse().unwrap()));
        let all = Cidr { address: "::".parse().unwrap(), length: 0 };
        assert!(all.contains("2001:db8::1".parse().unwrap()));
    }
}

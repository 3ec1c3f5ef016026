//! The seam of access logs: what the exchange hands over for each finished request. Nothing is formatted
//! here; a sink takes the record off the request path.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use bytestring::ByteString;
use mecha_base::ResponseFlags;
use mecha_config::Traffic;
use mecha_http::Method;
use mecha_net::Address;

/// An access log that is open. One per configured log; shared by all workers.
pub trait AccessSink: Send + Sync {
    /// Which headers a record must carry, in this order.
    fn captures(&self) -> &Captures;

    /// A queue for one worker. Called once on each worker's thread.
    fn open(&self, worker: usize) -> Box<dyn AccessQueue>;
}

/// The bounded queue of one worker into an access log.
pub trait AccessQueue: Send {
    /// Takes a record. When the queue is full the record is dropped and counted, never waited for.
    fn push(&mut self, record: AccessRecord);

    /// Hands over what is queued; called some times a second, and before the worker ends.
    fn flush(&mut self);
}

/// What of a request and its response a format wants: header names (lower case), and the rest that costs a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// Of the request as it came in.
    pub request: Vec<String>,
    /// Of the response as it goes out.
    pub response: Vec<String>,
    /// The authority and the target; without it a record may hold empty ones.
    pub target: bool,
    /// The service and method of a remote procedure call; without it a record holds none.
    pub called: bool,
}

/// What a remote procedure call called: by a message of an RPC protocol, gRPC or Triple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The service.
    pub service: Bytes,
    /// The method; empty when the message names none.
    pub method: Bytes,
}

/// What belongs to the listener rather than the request; shared by its records.
#[derive(Debug)]
pub struct AccessOrigin {
    /// The listener's name.
    pub listener: String,
    /// Its port; 0 for a Unix socket.
    pub port: u16,
    /// Ingress or egress, when declared.
    pub traffic: Option<Traffic>,
}

/// One finished request (or, for `tcp_proxy`, connection).
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// The listener it came in by.
    pub origin: Arc<AccessOrigin>,
    /// When its head was complete.
    pub start: SystemTime,
    /// From start until the request was received whole; `None` when it never was.
    pub request_received: Option<Duration>,
    /// From start until the response head came from upstream; `None` when none did.
    pub response_received: Option<Duration>,
    /// From start until the response was sent.
    pub duration: Duration,
    /// Time not spent waiting for the upstream.
    pub process_time: Duration,
    /// Body bytes sent to the client.
    pub bytes_sent: u64,
    /// Body bytes received from the client.
    pub bytes_received: u64,
    /// The name of the protocol, or `TCP`; `Local` for a call from inside the process.
    pub protocol: &'static str,
    /// 0 when none was sent.
    pub response_code: u16,
    /// Why the response is what it is.
    pub flags: ResponseFlags,
    /// Unique in this process.
    pub connection_id: u64,
    /// 0 when there was none.
    pub upstream_connection_id: u64,
    /// Our end of the client's connection.
    pub downstream_local: Option<Address>,
    /// The client's end.
    pub downstream_remote: Option<Address>,
    /// Our end of the upstream connection.
    pub upstream_local: Option<Address>,
    /// The chosen host's address as configured.
    pub upstream_host: Option<Arc<str>>,
    /// The cluster's name.
    pub upstream_cluster: Option<Arc<str>>,
    /// Why the upstream failed, in a few words; empty when it did not.
    pub upstream_failure: &'static str,
    /// Tries made after the first.
    pub retries: u32,
    /// The request method; `None` for a connection.
    pub method: Option<Method>,
    /// The authority that the client named.
    pub authority: ByteString,
    /// Path and query as the client sent them.
    pub target: ByteString,
    /// What was called, when the request was a call.
    pub called: Option<Called>,
    /// The values of [`Captures::request`], then of [`Captures::response`].
    pub captured: Vec<Option<Bytes>>,
}

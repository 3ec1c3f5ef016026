//! What is noted about a request while it is in flight, for counters and access logs. Little is written down
//! unless a log asks for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use bytestring::ByteString;
use mecha_base::{Error, Kind, ResponseFlags};
use mecha_http::{Headers, Method, RequestHead, ResponseHead};
use mecha_metrics::{DownstreamHistogram, DownstreamStat};
use mecha_net::Address;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::body::Body;
use super::calls::Counted;
use super::downstream::Downstream;
use super::upstream::Upstream;
use crate::access::{AccessRecord, Called};
use crate::client::Client;
use crate::listener::Door;

pub(super) struct Flight {
    start: Instant,
    try_start: Instant,
    request_received: Option<Instant>,
    response_received: Option<Instant>,
    /// Body bytes sent to the client.
    pub(super) sent: u64,
    /// Tries made after the first.
    pub(super) retries: u32,
    status: u16,
    flags: ResponseFlags,
    failed: Option<Kind>,
    finished: bool,
    call: Option<Counted>,
    log: Option<Log>,
}

/// What only access logs want. It stands in the flight itself: requests are too many for memory of their own.
struct Log {
    wall: SystemTime,
    method: Method,
    authority: ByteString,
    target: ByteString,
    called: Option<Called>,
    cluster: Option<Arc<str>>,
    host: Option<Arc<str>>,
    local: Option<Address>,
    connection: u64,
    failure: &'static str,
    /// For each log.
    captured: SmallVec<[Vec<Option<Bytes>>; 1]>,
}

impl Flight {
    pub(super) fn begin(door: &Door, head: &RequestHead) -> Self {
        door.inc(DownstreamStat::RequestTotal);
        door.inc(DownstreamStat::RequestActive);
        let start = Instant::now();
        let log = door.has_logs().then(|| {
            let wants_target = door.captures().any(|captures| captures.target);
            let captured =
                door.captures().map(|captures| capture(&captures.request, &head.headers)).collect();
            Log {
                wall: SystemTime::now(),
                method: head.method.clone(),
                authority: own(wants_target, &head.authority),
                target: own(wants_target, &head.target),
                called: called(door, head),
                cluster: None,
                host: None,
                local: None,
                connection: 0,
                failure: "",
                captured,
            }
        });
        Flight {
            start,
            try_start: start,
            request_received: None,
            response_received: None,
            sent: 0,
            retries: 0,
            status: 0,
            flags: ResponseFlags::NONE,
            failed: None,
            finished: false,
            call: door.begin_call(head),
            log,
        }
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// The time of day at which the request began.
    pub(super) fn wall(&self) -> SystemTime {
        match &self.log {
            Some(log) => log.wall,
            None => SystemTime::now() - self.start.elapsed(),
        }
    }

    pub(super) fn upstream_host(&self) -> Option<&str> {
        self.log.as_ref().and_then(|log| log.host.as_deref())
    }

    pub(super) fn upstream_cluster(&self) -> Option<&str> {
        self.log.as_ref().and_then(|log| log.cluster.as_deref())
    }

    pub(super) fn sent_to_cluster(&mut self, name: &Arc<str>) {
        if let Some(log) = &mut self.log {
            log.cluster = Some(name.clone());
        }
    }

    pub(super) fn sent_to_host(&mut self, name: &Arc<str>) {
        if let Some(log) = &mut self.log {
            log.host = Some(name.clone());
        }
    }

    pub(super) fn over(&mut self, up: &Upstream) {
        if let Some(log) = &mut self.log {
            log.connection = up.connection_id();
            log.local = up.local_address();
        }
    }

    /// When the current try began to look for a connection.
    pub(super) fn try_begins(&mut self, now: Instant) {
        self.try_start = now;
    }

    pub(super) fn try_start(&self) -> Instant {
        self.try_start
    }

    pub(super) fn request_received(&mut self, now: Instant) {
        self.request_received.get_or_insert(now);
    }

    pub(super) fn response_received(&mut self) {
        self.response_received = Some(Instant::now());
    }

    /// The head that goes to the client.
    pub(super) fn response_head(&mut self, door: &Door, head: &ResponseHead) {
        self.status = head.status.as_u16();
        self.response_fields(&head.headers);
        if let Some(log) = &mut self.log {
            for (captured, captures) in log.captured.iter_mut().zip(door.captures()) {
                captured.extend(capture(&captures.response, &head.headers));
            }
        }
    }

    /// Fields of the response's head, or its trailers.
    pub(super) fn response_fields(&mut self, fields: &Headers) {
        if let Some(call) = &mut self.call {
            call.fields(fields);
        }
    }

    /// Notes why the response is what it is.
    pub(super) fn flag(&mut self, flag: ResponseFlags) {
        self.flags |= flag;
    }

    pub(super) fn failed(&mut self, error: &Error) {
        self.failed = Some(error.kind());
        self.flags |= error.kind().flag();
        if let Some(log) = &mut self.log {
            log.failure = error.kind().describe();
        }
    }

    /// Whether the request was counted and logged.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Counts the request and hands it to the logs.
    pub(super) fn finish(
        &mut self,
        door: &Door,
        client: &Client,
        down: &Downstream<'_>,
        body: &Body,
        error: Option<&Error>,
    ) {
        self.finished = true;
        let end = Instant::now();
        let gone = error.is_some_and(|error| error.kind() == Kind::ClientGone);
        if self.status == 0 && gone {
            self.status = Kind::ClientGone.status();
        }
        let duration = end - self.start;
        door.dec(DownstreamStat::RequestActive);
        door.inc(DownstreamStat::for_status(self.status));
        if gone {
            door.inc(DownstreamStat::RequestReset);
        } else if let Some(kind) = self.failed {
            door.inc(DownstreamStat::RequestFailed);
            count_failure(door, kind);
        }
        if let Some(call) = self.call.take() {
            call.finish(self.status, error.is_some() || self.failed.is_some());
        }
        // What is not spent between sending the request and hearing from the upstream is ours.
        let waited = match (self.request_received, self.response_received) {
            (Some(sent), Some(heard)) => heard.saturating_duration_since(sent),
            (Some(sent), None) => end.saturating_duration_since(sent),
            _ => Duration::ZERO,
        };
        let process = duration.saturating_sub(waited);
        door.observe(DownstreamHistogram::RequestTime, duration);
        door.observe(DownstreamHistogram::ProcessTime, process);
        if let Some(log) = self.log.take() {
            self.write(log, door, client, down, body, duration, process);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where the whole record comes together")]
    fn write(
        &self,
        log: Log,
        door: &Door,
        client: &Client,
        down: &Downstream<'_>,
        body: &Body,
        duration: Duration,
        process_time: Duration,
    ) {
        let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(self.start));
        let mut record = AccessRecord {
            origin: door.listener.origin.clone(),
            start: log.wall,
            request_received: since(self.request_received),
            response_received: since(self.response_received),
            duration,
            process_time,
            bytes_sent: self.sent,
            bytes_received: body.received(),
            protocol: down.name(),
            response_code: self.status,
            flags: self.flags,
            connection_id: client.id,
            upstream_connection_id: log.connection,
            downstream_local: client.local.clone(),
            downstream_remote: Some(client.remote.clone()),
            upstream_local: log.local,
            upstream_host: log.host,
            upstream_cluster: log.cluster,
            upstream_failure: log.failure,
            retries: self.retries,
            method: Some(log.method),
            authority: log.authority,
            target: log.target,
            called: log.called,
            captured: Vec::new(),
        };
        let last = log.captured.len().saturating_sub(1);
        for (at, captured) in log.captured.into_iter().enumerate() {
            if at == last {
                record.captured = captured;
                return door.log(at, record);
            }
            door.log(at, AccessRecord { captured, ..record.clone() });
        }
    }
}

/// Failures that have a counter of their own beside the one of all failures.
fn count_failure(door: &Door, kind: Kind) {
    match kind {
        Kind::NoRoute => door.inc(DownstreamStat::RequestNoRoute),
        Kind::NoCluster => door.inc(DownstreamStat::RequestNoCluster),
        Kind::SlowClient => door.inc(DownstreamStat::RequestTimeout),
        _ => {}
    }
}

/// A copy of its own: a share would keep the connection's read buffer from being used again until the log is written.
fn own(wanted: bool, text: &str) -> ByteString {
    if wanted { ByteString::from(text) } else { ByteString::new() }
}

fn called(door: &Door, head: &RequestHead) -> Option<Called> {
    let call = door.captures().any(|captures| captures.called).then(|| head.call())??;
    let copy = Bytes::copy_from_slice;
    Some(Called { service: copy(call.service), method: copy(call.method) })
}

fn capture(names: &[String], headers: &Headers) -> Vec<Option<Bytes>> {
    names.iter().map(|name| headers.get(name).map(Bytes::copy_from_slice)).collect()
}

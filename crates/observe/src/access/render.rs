//! Fills a record into a format. Runs on the writer's thread. Whatever has no value, or an empty one, prints `-`, so
//! that a line always has the same number of columns.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use mecha_base::percent::{self, Plus};
use mecha_config::Traffic;
use mecha_net::Address;
use mecha_proxy::access::AccessRecord;

use super::format::{Format, Piece};
use super::variable::Variable;
use crate::escape;
use crate::stamp::Stamp;

const UNSET: &str = "-";

impl Format {
    /// Appends the line of a record, without a line feed.
    pub(crate) fn render(&self, record: &AccessRecord, stamp: &mut Stamp, out: &mut String) {
        let line = Line { record, requests: self.captures().request.len() };
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(variable) => {
                    let start = out.len();
                    line.write(variable, stamp, out);
                    if out.len() == start {
                        out.push_str(UNSET);
                    }
                }
            }
        }
    }
}

/// A record, and how many of its captured values are request headers.
struct Line<'a> {
    record: &'a AccessRecord,
    requests: usize,
}

impl Line<'_> {
    /// Appends the value of a variable; nothing when it has none.
    fn write(&self, variable: &Variable, stamp: &mut Stamp, out: &mut String) {
        let record = self.record;
        match variable {
            Variable::StartTime => stamp.write(record.start, out),
            Variable::RequestReceived => duration(record.request_received, out),
            Variable::ResponseReceived => duration(record.response_received, out),
            Variable::Duration => duration(Some(record.duration), out),
            Variable::ProcessTime => duration(Some(record.process_time), out),
            Variable::BytesSent => number(record.bytes_sent, out),
            Variable::BytesReceived => number(record.bytes_received, out),
            Variable::Protocol => out.push_str(record.protocol),
            Variable::ResponseCode => number(u64::from(record.response_code), out),
            Variable::HasFlags => out.push_str(if record.flags.is_empty() { "false" } else { "true" }),
            Variable::Flags => drop(write!(out, "{}", record.flags)),
            Variable::UpstreamLocalAddress => address(record.upstream_local.as_ref(), out),
            Variable::UpstreamHost => text(record.upstream_host.as_deref(), out),
            Variable::UpstreamCluster => text(record.upstream_cluster.as_deref(), out),
            Variable::UpstreamFailure => out.push_str(record.upstream_failure),
            Variable::Retries => number(u64::from(record.retries), out),
            Variable::DownstreamLocalAddress => address(record.downstream_local.as_ref(), out),
            Variable::DownstreamRemoteAddress => address(record.downstream_remote.as_ref(), out),
            Variable::ConnectionId => id(record.connection_id, out),
            Variable::UpstreamConnectionId => id(record.upstream_connection_id, out),
            Variable::ListenerName => text(Some(&record.origin.listener), out),
            Variable::ListenerPort => id(u64::from(record.origin.port), out),
            Variable::ListenerType => out.push_str(traffic(record.origin.traffic)),
            Variable::TraceId(places) => self.trace_id(places, out),
            Variable::RequestHeader(place) => bytes(self.request_header(*place), out),
            Variable::ResponseHeader(place) => bytes(self.captured(self.requests + place), out),
            Variable::Cookie(place, name) => {
                bytes(self.request_header(*place).and_then(|header| cookie(header, name)), out);
            }
            Variable::Service => bytes(record.called.as_ref().map(|called| &*called.service), out),
            Variable::CalledMethod => bytes(record.called.as_ref().map(|called| &*called.method), out),
            Variable::Only(protocol, inner) if record.protocol == protocol.name() => {
                self.write(inner, stamp, out);
            }
            Variable::Only(..) | Variable::Unset => {}
            of_request => self.write_request(of_request, out),
        }
    }

    /// What a request has and a connection has not.
    fn write_request(&self, variable: &Variable, out: &mut String) {
        let Some(method) = &self.record.method else { return };
        let target: &str = &self.record.target;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match variable {
            Variable::Method => text(Some(method.as_str()), out),
            // TLS listeners do not exist yet, and the scheme of a request is that of its connection.
            Variable::Scheme => out.push_str("http"),
            Variable::Host => text(Some(&self.record.authority), out),
            Variable::Uri => text(Some(target), out),
            Variable::PathOriginal => text(Some(path), out),
            Variable::Path => escape::value(&percent::decode(path.as_bytes(), Plus::Literal), out),
            Variable::Query => text(Some(query), out),
            Variable::Argument(name) => {
                bytes(argument(query, name).as_deref(), out);
            }
            _ => {}
        }
    }

    fn trace_id(&self, places: &[usize], out: &mut String) {
        let header =
            places.iter().find_map(|place| self.request_header(*place).filter(|value| !value.is_empty()));
        let Some(value) = header else { return };
        // `traceparent` is version-traceid-parent-flags (W3C Trace Context, section 3.2); the others are the id.
        match value.split(|byte| *byte == b'-').nth(1) {
            Some(id) if id.len() == 32 => escape::value(id, out),
            _ => escape::value(value, out),
        }
    }

    fn request_header(&self, place: usize) -> Option<&[u8]> {
        self.captured(place)
    }

    fn captured(&self, place: usize) -> Option<&[u8]> {
        self.record.captured.get(place)?.as_deref()
    }
}

fn number(value: u64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Ids and ports start at 1; 0 means there is none.
fn id(value: u64, out: &mut String) {
    if value > 0 {
        number(value, out);
    }
}

fn duration(value: Option<Duration>, out: &mut String) {
    if let Some(value) = value {
        mecha_base::duration::write(value, out);
    }
}

fn text(value: Option<&str>, out: &mut String) {
    bytes(value.map(str::as_bytes), out);
}

fn bytes(value: Option<&[u8]>, out: &mut String) {
    if let Some(value) = value {
        escape::value(value, out);
    }
}

fn address(value: Option<&Address>, out: &mut String) {
    match value {
        // By far the most frequent; `Display` would cost several times as much.
        Some(Address::Tcp(SocketAddr::V4(address))) => {
            let mut separator = "";
            for octet in address.ip().octets() {
                out.push_str(separator);
                number(u64::from(octet), out);
                separator = ".";
            }
            out.push(':');
            number(u64::from(address.port()), out);
        }
        Some(address) => text(Some(&address.to_string()), out),
        None => {}
    }
}

fn traffic(traffic: Option<Traffic>) -> &'static str {
    match traffic {
        Some(Traffic::Ingress) => "ingress",
        Some(Traffic::Egress) => "egress",
        None => "",
    }
}

/// The value of a cookie in a `Cookie` header (RFC 6265, section 4.2.1).
fn cookie<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    header.split(|byte| *byte == b';').find_map(|pair| {
        pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::trim_ascii_end)
    })
}

/// The first argument of this name in a query, decoded.
fn argument<'a>(query: &'a str, name: &str) -> Option<Cow<'a, [u8]>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let found = *percent::decode(key.as_bytes(), Plus::Space) == *name.as_bytes();
        found.then(|| percent::decode(value.as_bytes(), Plus::Space))
    })
}

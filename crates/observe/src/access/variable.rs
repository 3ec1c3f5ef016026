//! The variables by their names (reference 7.1): a table for those with one name, and rules for those that end in
//! the name of a header, query argument or cookie.

use mecha_config::Protocol;
use mecha_proxy::access::Captures;

use super::format::TRACE_HEADERS;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// When the head of the request was complete, local time.
    StartTime,
    /// From start until the request was received whole.
    RequestReceived,
    /// From start until the response head came from upstream.
    ResponseReceived,
    /// From start until the response was sent.
    Duration,
    /// Time not spent waiting for the upstream.
    ProcessTime,
    BytesSent,
    BytesReceived,
    Protocol,
    ResponseCode,
    /// `true` when something went wrong.
    HasFlags,
    /// The short names of what went wrong.
    Flags,
    UpstreamLocalAddress,
    UpstreamHost,
    UpstreamCluster,
    UpstreamFailure,
    /// Tries after the first.
    Retries,
    DownstreamLocalAddress,
    DownstreamRemoteAddress,
    ConnectionId,
    UpstreamConnectionId,
    ListenerName,
    ListenerPort,
    ListenerType,
    /// From the first of [`TRACE_HEADERS`] that was sent; where they stand among the captures.
    TraceId([usize; TRACE_HEADERS.len()]),
    Scheme,
    Method,
    Host,
    /// Path and query as sent.
    Uri,
    /// Decoded.
    Path,
    /// As sent.
    PathOriginal,
    Query,
    /// A query argument, decoded.
    Argument(String),
    /// The service that was called.
    Service,
    /// Its method that was called.
    CalledMethod,
    /// By its place among the captured request headers.
    RequestHeader(usize),
    /// By its place among the captured response headers.
    ResponseHeader(usize),
    /// The place of the cookie header, and the cookie's name.
    Cookie(usize, String),
    /// Unset unless the request came by this protocol.
    Only(Protocol, Box<Variable>),
    /// Never has a value: unknown, or for a feature that this process does not have.
    Unset,
}

/// Variables with one name each. `Http1_` and `Http2_` ones are in [`REQUEST`].
const NAMES: [(&str, Variable); 35] = [
    ("start_time", Variable::StartTime),
    ("request_received_duration", Variable::RequestReceived),
    ("response_received_duration", Variable::ResponseReceived),
    ("request_finished_duration", Variable::Duration),
    ("duration", Variable::Duration),
    ("process_time_duration", Variable::ProcessTime),
    ("bytes_sent", Variable::BytesSent),
    ("bytes_received", Variable::BytesReceived),
    ("protocol", Variable::Protocol),
    ("response_code", Variable::ResponseCode),
    ("response_flag", Variable::HasFlags),
    ("response_flags", Variable::Flags),
    ("upstream_local_address", Variable::UpstreamLocalAddress),
    ("upstream_host", Variable::UpstreamHost),
    ("upstream_cluster", Variable::UpstreamCluster),
    ("upstream_transport_failure_reason", Variable::UpstreamFailure),
    ("downstream_local_address", Variable::DownstreamLocalAddress),
    ("downstream_remote_address", Variable::DownstreamRemoteAddress),
    ("connection_id", Variable::ConnectionId),
    ("upstream_connection_id", Variable::UpstreamConnectionId),
    ("listener_name", Variable::ListenerName),
    ("listener_port", Variable::ListenerPort),
    ("listener_type", Variable::ListenerType),
    ("retry_count", Variable::Retries),
    ("x-mosn-scheme", Variable::Scheme),
    ("x-mosn-method", Variable::Method),
    ("x-mosn-host", Variable::Host),
    ("authority", Variable::Host),
    ("x-mosn-path", Variable::Path),
    ("x-mosn-path-original", Variable::PathOriginal),
    ("x-mosn-querystring", Variable::Query),
    ("x-mosn-status", Variable::ResponseCode),
    ("x-mosn-direction", Variable::ListenerType),
    ("rpc_service", Variable::Service),
    ("rpc_method", Variable::CalledMethod),
];

/// MOSN's, set for messages of Dubbo only.
const OF_DUBBO: [(&str, Variable); 2] =
    [("Dubbo_service", Variable::Service), ("Dubbo_method", Variable::CalledMethod)];

/// What follows `Http1_request_` or `Http2_request_`.
const REQUEST: [(&str, Variable); 7] = [
    ("scheme", Variable::Scheme),
    ("method", Variable::Method),
    // MOSN adds the bytes of the head, which nobody here has a use for; this is the body.
    ("length", Variable::BytesReceived),
    ("uri", Variable::Uri),
    ("path", Variable::Path),
    ("path_original", Variable::PathOriginal),
    ("arg", Variable::Query),
];

impl Variable {
    /// Whether it is part of the authority or the target, which a record carries only when asked to.
    pub(super) fn is_of_target(&self) -> bool {
        match self {
            Variable::Host | Variable::Uri | Variable::Path | Variable::PathOriginal => true,
            Variable::Query | Variable::Argument(_) => true,
            Variable::Only(_, inner) => inner.is_of_target(),
            _ => false,
        }
    }

    /// Whether it is what was called, which a record carries only when asked to.
    pub(super) fn is_of_call(&self) -> bool {
        match self {
            Variable::Service | Variable::CalledMethod => true,
            Variable::Only(_, inner) => inner.is_of_call(),
            _ => false,
        }
    }
}

/// What a name stands for; the headers it needs are added to `captures`.
pub(super) fn compile(name: &str, captures: &mut Captures) -> Variable {
    if let Some(variable) = find(&NAMES, name) {
        return variable;
    }
    if let Some(variable) = find(&OF_DUBBO, name) {
        return Variable::Only(Protocol::Dubbo, Box::new(variable));
    }
    if name == "trace_id" {
        return Variable::TraceId(TRACE_HEADERS.map(|header| capture(&mut captures.request, header)));
    }
    if let Some(header) = name.strip_prefix("request_header_") {
        return Variable::RequestHeader(capture(&mut captures.request, header));
    }
    if let Some(header) = name.strip_prefix("response_header_") {
        return Variable::ResponseHeader(capture(&mut captures.response, header));
    }
    for protocol in Protocol::ALL {
        let rest = name.strip_prefix(protocol.name()).and_then(|rest| rest.strip_prefix('_'));
        if let Some(variable) = rest.and_then(|rest| of_protocol(rest, captures)) {
            return Variable::Only(protocol, Box::new(variable));
        }
    }
    Variable::Unset
}

fn of_protocol(name: &str, captures: &mut Captures) -> Option<Variable> {
    if let Some(cookie) = name.strip_prefix("cookie_") {
        return Some(Variable::Cookie(capture(&mut captures.request, "cookie"), cookie.to_owned()));
    }
    let name = name.strip_prefix("request_")?;
    if let Some(header) = name.strip_prefix("header_") {
        return Some(Variable::RequestHeader(capture(&mut captures.request, header)));
    }
    if let Some(argument) = name.strip_prefix("arg_") {
        return Some(Variable::Argument(argument.to_owned()));
    }
    find(&REQUEST, name)
}

fn find(table: &[(&str, Variable)], name: &str) -> Option<Variable> {
    table.iter().find(|(known, _)| *known == name).map(|(_, variable)| variable.clone())
}

/// The place of a header among the captured ones, which it joins when it is not there yet.
fn capture(captured: &mut Vec<String>, header: &str) -> usize {
    let header = header.to_ascii_lowercase();
    let known = captured.iter().position(|known| *known == header);
    known.unwrap_or_else(|| {
        captured.push(header);
        captured.len() - 1
    })
}

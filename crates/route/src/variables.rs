//! Variables that header operations can name (`%variable%`, MOSN reference 7.1), and where their values come from.

use std::fmt::Display;
use std::io::Write;
use std::time::SystemTime;

use mecha_http::{RequestHead, ResponseHead};

/// What the exchange knows when headers are written. What is left out reads as `-`.
#[derive(Clone, Copy, Default)]
pub struct Vars<'a> {
    /// The request, for operations on the response; operations on the request see the request itself.
    pub request: Option<&'a RequestHead>,
    /// `http` or `https`: how the client came.
    pub scheme: &'a str,
    /// `Http1` or `Http2`: what the client speaks.
    pub protocol: &'a str,
    /// When the request's head was complete.
    pub start_time: Option<SystemTime>,
    /// The client's end of its connection.
    pub downstream_remote: Option<&'a (dyn Display + Sync)>,
    /// Our end of the client's connection.
    pub downstream_local: Option<&'a (dyn Display + Sync)>,
    /// Our end of the upstream connection.
    pub upstream_local: Option<&'a (dyn Display + Sync)>,
    /// The chosen host's address.
    pub upstream_host: Option<&'a str>,
    /// The chosen cluster's name.
    pub upstream_cluster: Option<&'a str>,
    /// The client connection's number; 0 = unknown.
    pub connection_id: u64,
    /// The listener's name.
    pub listener_name: &'a str,
    /// The listener's port; 0 = none.
    pub listener_port: u16,
}

/// A variable that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    StartTime,
    Protocol,
    Scheme,
    DownstreamRemote,
    DownstreamLocal,
    UpstreamLocal,
    UpstreamHost,
    UpstreamCluster,
    ConnectionId,
    ListenerName,
    ListenerPort,
    ResponseCode,
    Method,
    Host,
    Path,
    Query,
    Uri,
    RequestHeader(Box<str>),
    ResponseHeader(Box<str>),
    QueryArgument(Box<str>),
    Cookie(Box<str>),
    /// A name that stands for nothing here.
    Unknown,
}

/// Names that stand for themselves.
const PLAIN: &[(&str, Variable)] = &[
    ("start_time", Variable::StartTime),
    ("protocol", Variable::Protocol),
    ("downstream_remote_address", Variable::DownstreamRemote),
    ("downstream_local_address", Variable::DownstreamLocal),
    ("upstream_local_address", Variable::UpstreamLocal),
    ("upstream_host", Variable::UpstreamHost),
    ("upstream_cluster", Variable::UpstreamCluster),
    ("connection_id", Variable::ConnectionId),
    ("listener_name", Variable::ListenerName),
    ("listener_port", Variable::ListenerPort),
    ("response_code", Variable::ResponseCode),
    ("x-mosn-scheme", Variable::Scheme),
    ("x-mosn-method", Variable::Method),
    ("x-mosn-host", Variable::Host),
    ("x-mosn-path", Variable::Path),
    ("x-mosn-querystring", Variable::Query),
    ("x-mosn-status", Variable::ResponseCode),
];

/// Names behind `Http1_` or `Http2_`.
const PER_PROTOCOL: &[(&str, Variable)] = &[
    ("request_scheme", Variable::Scheme),
    ("request_method", Variable::Method),
    ("request_path", Variable::Path),
    ("request_uri", Variable::Uri),
    ("request_arg", Variable::Query),
];

/// Beginnings of names that go on with the name of a field, an argument or a cookie.
type WithName = fn(Box<str>) -> Variable;
const NAMED: &[(&str, WithName)] = &[
    ("request_header_", |name| Variable::RequestHeader(name.to_ascii_lowercase().into())),
    ("response_header_", |name| Variable::ResponseHeader(name.to_ascii_lowercase().into())),
    ("request_arg_", Variable::QueryArgument),
    ("cookie_", Variable::Cookie),
];

impl Variable {
    /// The variable of this name.
    pub(crate) fn named(name: &str) -> Variable {
        let of = |list: &[(&str, Variable)], name: &str| {
            list.iter().find(|(known, _)| *known == name).map(|(_, variable)| variable.clone())
        };
        if let Some(plain) = of(PLAIN, name) {
            return plain;
        }
        let per_protocol = name.strip_prefix("Http1_").or_else(|| name.strip_prefix("Http2_"));
        if let Some(found) = per_protocol.and_then(|name| of(PER_PROTOCOL, name)) {
            return found;
        }
        let name = per_protocol.unwrap_or(name);
        let named = NAMED.iter().find_map(|(start, make)| {
            name.strip_prefix(start).filter(|rest| !rest.is_empty()).map(|rest| make(rest.into()))
        });
        named.unwrap_or(Variable::Unknown)
    }

    /// Adds the value to `out`, or `-`.
    pub(crate) fn write(&self, vars: &Vars<'_>, response: Option<&ResponseHead>, out: &mut Vec<u8>) {
        let before = out.len();
        self.write_known(vars, response, out);
        if out.len() == before {
            out.push(b'-');
        }
    }

    fn write_known(&self, vars: &Vars<'_>, response: Option<&ResponseHead>, out: &mut Vec<u8>) {
        let request = vars.request;
        match self {
            Variable::StartTime => start_time(vars.start_time, out),
            Variable::DownstreamRemote => display(vars.downstream_remote, out),
            Variable::DownstreamLocal => display(vars.downstream_local, out),
            Variable::UpstreamLocal => display(vars.upstream_local, out),
            Variable::ConnectionId => number(vars.connection_id, out),
            Variable::ListenerPort => number(u64::from(vars.listener_port), out),
            Variable::ResponseCode => {
                number(response.map_or(0, |response| u64::from(response.status.as_u16())), out);
            }
            Variable::Protocol => out.extend_from_slice(vars.protocol.as_bytes()),
            Variable::Scheme => out.extend_from_slice(vars.scheme.as_bytes()),
            Variable::ListenerName => out.extend_from_slice(vars.listener_name.as_bytes()),
            Variable::UpstreamHost => text(vars.upstream_host, out),
            Variable::UpstreamCluster => text(vars.upstream_cluster, out),
            Variable::Method => text(request.map(|request| request.method.as_str()), out),
            Variable::Host => text(request.map(|request| &*request.authority), out),
            Variable::Path => text(request.map(RequestHead::path), out),
            Variable::Query => text(request.and_then(RequestHead::query), out),
            Variable::Uri => text(request.map(|request| &*request.target), out),
            Variable::RequestHeader(name) => {
                bytes(request.and_then(|request| request.headers.get(name)), out);
            }
            Variable::ResponseHeader(name) => {
                bytes(response.and_then(|response| response.headers.get(name)), out);
            }
            Variable::QueryArgument(name) => {
                text(request.and_then(RequestHead::query).and_then(|query| pair(query, '&', name)), out);
            }
            Variable::Cookie(name) => {
                let cookies = request.and_then(|request| request.headers.get_str("cookie"));
                text(cookies.and_then(|cookies| pair(cookies, ';', name)), out);
            }
            Variable::Unknown => {}
        }
    }
}

/// The value of `name=value` among pairs that `separator` keeps apart.
fn pair<'a>(pairs: &'a str, separator: char, name: &str) -> Option<&'a str> {
    pairs.split(separator).find_map(|pair| pair.trim_start().strip_prefix(name)?.strip_prefix('='))
}

fn bytes(value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(value.unwrap_or_default());
}

fn text(value: Option<&str>, out: &mut Vec<u8>) {
    bytes(value.map(str::as_bytes), out);
}

fn number(value: u64, out: &mut Vec<u8>) {
    if value > 0 {
        // Writing to a vector can't fail.
        let _ = write!(out, "{value}");
    }
}

fn display(value: Option<&(dyn Display + Sync)>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        let _ = write!(out, "{value}");
    }
}

/// As MOSN's access log writes a time, `2006/01/02 15:04:05.000`, in UTC.
fn start_time(time: Option<SystemTime>, out: &mut Vec<u8>) {
    let Some(since) = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()) else { return };
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    let millis = since.subsec_millis();
    let _ = write!(out, "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}");
}

/// Year, month and day of a day counted from 1970-01-01 in the Gregorian calendar. Years are counted from March, so
/// that the leap day is the last of its year and months follow a pattern of 153 days in five.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::request;
    use mecha_http::StatusCode;
    use std::net::SocketAddr;
    use std::time::Duration;

    #[test]
    fn every_name_has_its_value_and_strangers_a_dash() {
        let head = request("a.test:80", "/p/q?x=1&yy=2&y=3", &[("X-User", "me"), ("cookie", "a=1; b=2")]);
        let mut response = ResponseHead::new(StatusCode::NOT_FOUND);
        response.headers.append("server", b"s").unwrap();
        let address: SocketAddr = "10.0.0.9:1234".parse().unwrap();
        let vars = Vars {
            request: Some(&head),
            scheme: "http",
            protocol: "Http1",
            start_time: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_709_210_096_007)),
            downstream_remote: Some(&address),
            upstream_host: Some("10.0.0.1:80"),
            upstream_cluster: Some("c"),
            connection_id: 7,
            listener_name: "l",
            listener_port: 2045,
            ..Vars::default()
        };
        let cases = [
            ("start_time", "2024/02/29 12:34:56.007"),
            ("protocol", "Http1"),
            ("downstream_remote_address", "10.0.0.9:1234"),
            ("downstream_local_address", "-"),
            ("upstream_host", "10.0.0.1:80"),
            ("upstream_cluster", "c"),
            ("connection_id", "7"),
            ("listener_name", "l"),
            ("listener_port", "2045"),
            ("response_code", "404"),
            ("request_header_x-user", "me"),
            ("request_header_X-USER", "me"),
            ("request_header_none", "-"),
            ("request_header_", "-"),
            ("response_header_Server", "s"),
            ("Http1_request_method", "GET"),
            ("Http2_request_path", "/p/q"),
            ("Http1_request_uri", "/p/q?x=1&yy=2&y=3"),
            ("Http1_request_arg", "x=1&yy=2&y=3"),
            ("Http1_request_arg_y", "3"),
            ("Http1_request_header_x-user", "me"),
            ("Http1_cookie_b", "2"),
            ("Http1_cookie_c", "-"),
            ("x-mosn-host", "a.test:80"),
            ("x-mosn-querystring", "x=1&yy=2&y=3"),
            ("nobody_knows", "-"),
        ];
        for (name, value) in cases {
            let mut out = Vec::new();
            Variable::named(name).write(&vars, Some(&response), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value, "{name}");
        }
    }

    #[test]
    fn days_become_dates() {
        let cases = [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (19_722, (2023, 12, 31)),
            (19_723, (2024, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, expected) in cases {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}

//! Request targets and the Host field.

use super::{Case, Fail, Pass, case};

pub(super) const CASES: &[Case] = &[
    // Targets.
    case(
        "bytes untouched",
        b"GET /a%2F/../%zz//b;c?x=\"<>[]{}|\\^`&y HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("GET /a%2F/../%zz//b;c?x=\"<>[]{}|\\^`&y Http11 keep|Host:a", "", ""),
    ),
    case(
        "UTF-8",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("GET /\u{e9} Http11 keep|Host:a", "", ""),
    ),
    case("not UTF-8", b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("NUL", b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("control byte", b"GET /a\x1fb HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("DEL", b"GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("space", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "version")),
    case("fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "fragment")),
    case(
        "absolute form",
        b"GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("GET http://b:80/x?y Http11 keep|Host:a", "", ""),
    ),
    case(
        "absolute form, https in capitals",
        b"GET HTTPS://[::1] HTTP/1.1\r\nHost: [::1]\r\n\r\n",
        Pass("GET HTTPS://[::1] Http11 keep|Host:[::1]", "", ""),
    ),
    case(
        "absolute form of another scheme",
        b"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        Fail(400, "request target"),
    ),
    case(
        "absolute form without a host",
        b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        Fail(400, "request target"),
    ),
    case(
        "absolute form with a user",
        b"GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        Fail(400, "request target"),
    ),
    case("relative path", b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request target")),
    case("query alone", b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request target")),
    case("asterisk", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Pass("OPTIONS * Http11 keep|Host:a", "", "")),
    case("asterisk with another method", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request target")),
    case(
        "authority form",
        b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n\x16\x03",
        Pass("CONNECT b:443 Http11 keep|Host:b:443", "", "\u{16}\u{3}"),
    ),
    case(
        "authority form with another method",
        b"GET b:443 HTTP/1.1\r\nHost: b\r\n\r\n",
        Fail(400, "request target"),
    ),
    case("authority form without a port", b"CONNECT b HTTP/1.1\r\nHost: b\r\n\r\n", Fail(400, "CONNECT")),
    case("CONNECT to a path", b"CONNECT /x HTTP/1.1\r\nHost: b\r\n\r\n", Fail(400, "CONNECT")),
    case(
        "CONNECT with a length",
        b"CONNECT b:1 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\n",
        Fail(400, "CONNECT"),
    ),
    case(
        "CONNECT with chunks",
        b"CONNECT b:1 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fail(400, "CONNECT"),
    ),
    // Host.
    case("missing Host", b"GET / HTTP/1.1\r\nX: a\r\n\r\n", Fail(400, "without Host")),
    case("no fields at all", b"GET / HTTP/1.1\r\n\r\n", Fail(400, "without Host")),
    case("missing Host in absolute form", b"GET http://a/ HTTP/1.1\r\n\r\n", Fail(400, "without Host")),
    case("repeated Host", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Fail(400, "more than one Host")),
    case(
        "repeated equal Host",
        b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        Fail(400, "more than one Host"),
    ),
    case(
        "repeated Host on HTTP/1.0",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        Fail(400, "more than one Host"),
    ),
    case("empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", Pass("GET / Http11 keep|Host:", "", "")),
    case("empty Host, absolute form", b"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", Fail(400, "empty Host")),
    case("empty Host, authority form", b"CONNECT a:1 HTTP/1.1\r\nHost: \r\n\r\n", Fail(400, "empty Host")),
    case(
        "Host with a port",
        b"GET / HTTP/1.1\r\nHost: a_b.c:8080\r\n\r\n",
        Pass("GET / Http11 keep|Host:a_b.c:8080", "", ""),
    ),
    case("Host with a space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Fail(400, "Host")),
    case("Host as a list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Fail(400, "Host")),
    case("Host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fail(400, "Host")),
    case("Host with a user", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fail(400, "Host")),
    case("Host with a scheme", b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", Fail(400, "Host")),
    case("Host with a bad port", b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Fail(400, "Host")),
    case("Host with a port too large", b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Fail(400, "Host")),
    case("Host with a high byte", b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", Fail(400, "Host")),
    case("Host with a broken address", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Fail(400, "Host")),
];

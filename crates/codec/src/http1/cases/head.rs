//! Request lines and field lines.

use super::{Case, Fail, More, Pass, case};

pub(super) const CASES: &[Case] = &[
    // What is accepted.
    case("plain", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Pass("GET / Http11 keep|Host:a", "", "")),
    case(
        "pipelined",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2",
        Pass("GET / Http11 keep|Host:a", "", "GET /2"),
    ),
    case("HTTP/1.0 closes", b"GET / HTTP/1.0\r\n\r\n", Pass("GET / Http10", "", "")),
    case(
        "HTTP/1.0 keep-alive",
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        Pass("GET / Http10 keep|Connection:Keep-Alive", "", ""),
    ),
    case(
        "close",
        b"GET / HTTP/1.1\r\nhOsT: a\r\nconnection: foo, CLOSE\r\n\r\n",
        Pass("GET / Http11 nominates|hOsT:a|connection:foo, CLOSE", "", ""),
    ),
    case(
        "order and case are kept",
        b"GET / HTTP/1.1\r\nX-B: 1\r\nHOST: a\r\nx-a:2\r\nX-b:\t3 \t\r\n\r\n",
        Pass("GET / Http11 keep|X-B:1|HOST:a|x-a:2|X-b:3", "", ""),
    ),
    case(
        "value of inner tabs, spaces and high bytes",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a \t \xc3\xa9b\r\nE:\r\nF:   \r\n\r\n",
        Pass("GET / Http11 keep|Host:a|X:a \t \u{e9}b|E:|F:", "", ""),
    ),
    case(
        "one empty line before",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("GET / Http11 keep|Host:a", "", ""),
    ),
    case(
        "any token is a method",
        b"m!x / HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("m!x / Http11 keep|Host:a", "", ""),
    ),
    case(
        "method of 32 bytes",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / Http11 keep|Host:a", "", ""),
    ),
    case(
        "expect",
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n",
        Pass("GET / Http11 keep expect|Host:a|Expect:100-Continue", "", ""),
    ),
    case(
        "expect means nothing on HTTP/1.0",
        b"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
        Pass("GET / Http10|Expect:100-continue", "", ""),
    ),
    case(
        "upgrade",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
        Pass("GET / Http11 keep upgrade|Host:a|Upgrade:websocket|Connection:keep-alive, Upgrade", "", ""),
    ),
    case(
        "upgrade that Connection does not list",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        Pass("GET / Http11 keep|Host:a|Upgrade:websocket", "", ""),
    ),
    case(
        "upgrade means nothing on HTTP/1.0",
        b"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        Pass("GET / Http10|Upgrade:websocket|Connection:upgrade", "", ""),
    ),
    case(
        "te",
        b"GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: te\r\n\r\n",
        Pass("GET / Http11 keep te|Host:a|TE:gzip, trailers|Connection:te", "", ""),
    ),
    // Unfinished.
    case("nothing", b"", More),
    case("half a method", b"GE", More),
    case("half a version", b"GET / HTTP/1", More),
    case("no end of head", b"GET / HTTP/1.1\r\nHost: a\r\n", More),
    case("half an end of head", b"GET / HTTP/1.1\r\nHost: a\r\n\r", More),
    case("only an empty line", b"\r\n", More),
    // Line ends.
    case("bare LF ends the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", Fail(400, "LF without CR")),
    case("bare LF ends a field", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", Fail(400, "LF without CR")),
    case(
        "bare LF after trailing space",
        b"GET / HTTP/1.1\r\nHost: a \nX: b\r\n\r\n",
        Fail(400, "LF without CR"),
    ),
    case(
        "bare LF after an empty value",
        b"GET / HTTP/1.1\r\nX:\nHost: b\r\n\r\n",
        Fail(400, "LF without CR"),
    ),
    case("bare LF ends the last field", b"GET / HTTP/1.1\r\nHost: a\n\r\n", Fail(400, "LF without CR")),
    case("bare LF ends the head", b"GET / HTTP/1.1\r\nHost: a\r\n\n", Fail(400, "LF without CR")),
    case("bare LF everywhere", b"GET / HTTP/1.1\nHost: a\n\n", Fail(400, "LF without CR")),
    case("bare LF without fields", b"GET / HTTP/1.0\n\n", Fail(400, "LF without CR")),
    case("bare LF before the request line", b"\nGET / HTTP/1.0\r\n\r\n", Fail(400, "LF without CR")),
    case("bare CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", Fail(400, "bare CR")),
    case("CR CR LF", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", Fail(400, "bare CR")),
    case("bare CR in the request line", b"GET /\rHTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("bare CR after the version", b"GET / HTTP/1.1\rHost: a\r\n\r\n", Fail(400, "CRLF")),
    case("bare CR before the end", b"GET / HTTP/1.1\r\nHost: a\r\n\rX", Fail(400, "CRLF")),
    case("bare CR before the request line", b"\rGET / HTTP/1.0\r\n\r\n", Fail(400, "CR without LF")),
    case("two empty lines before", b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", Fail(400, "more than one empty line")),
    // Field lines.
    case("folded line", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", Fail(400, "folded line")),
    case("folded with a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", Fail(400, "folded line")),
    case("space before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Fail(400, "field name")),
    case("space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", Fail(400, "field name")),
    case("tab before the colon", b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", Fail(400, "field name")),
    case("field without a colon", b"GET / HTTP/1.1\r\nHost\r\n\r\n", Fail(400, "field name")),
    case("field without a name", b"GET / HTTP/1.1\r\n: a\r\n\r\n", Fail(400, "field name")),
    case("NUL in a name", b"GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n", Fail(400, "field name")),
    case("high byte in a name", b"GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n\r\n", Fail(400, "field name")),
    case("separator in a name", b"GET / HTTP/1.1\r\nX(y): a\r\n\r\n", Fail(400, "field name")),
    case("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", Fail(400, "field value")),
    case(
        "control byte in a value",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
        Fail(400, "field value"),
    ),
    case(
        "vertical tab in a value",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x0bb\r\n\r\n",
        Fail(400, "field value"),
    ),
    case("DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", Fail(400, "field value")),
    case(
        "control byte before a value",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1fa\r\n\r\n",
        Fail(400, "field value"),
    ),
    // Request lines.
    case("space before the method", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "version")),
    case("tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case("space after the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Fail(400, "CRLF")),
    case("separator in the method", b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", Fail(400, "request line")),
    case(
        "method of 33 bytes",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n",
        Fail(501, "method"),
    ),
    case("TLS client hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Fail(400, "request line")),
    // Versions.
    case("HTTP/0.9", b"GET /\r\n", Fail(400, "request line")),
    case("HTTP/0.9 by name", b"GET / HTTP/0.9\r\n\r\n", Fail(400, "version")),
    case("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", Fail(505, "version")),
    case("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fail(505, "version")),
    case("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", Fail(505, "version")),
    case("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", Fail(400, "CRLF")),
    case("lower-case version", b"GET / http/1.1\r\nHost: a\r\n\r\n", Fail(400, "version")),
    case("another protocol", b"GET / ICAP/1.0\r\nHost: a\r\n\r\n", Fail(400, "version")),
    case("version without a minor", b"GET / HTTP/1\r\nHost: a\r\n\r\n", Fail(400, "version")),
];

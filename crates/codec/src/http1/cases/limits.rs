//! Limits, at their edge and past it. The input past a limit never completes its part, so the limit has to bite
//! while bytes still arrive.

use super::super::Limits;
use super::{Case, Fail, More, Pass, case};

pub(super) const SMALL: Limits =
    Limits { start_line: 48, header_bytes: 110, header_count: 3, chunk_line: 16, trailer_bytes: 24 };

pub(super) const CASES: &[Case] = &[
    case(
        "start line at its limit",
        b"GET /2345678901234567890123456789012345 HTTP/1.1\r\nHost: a\r\n\r\n",
        Pass("GET /2345678901234567890123456789012345 Http11 keep|Host:a", "", ""),
    ),
    case(
        "start line one byte past its limit",
        b"GET /23456789012345678901234567890123456 HTTP/1.1\r\nHost: a\r\n\r\n",
        Fail(414, "start line"),
    ),
    case("start line without end", b"GET /23456789012345678901234567890123456789012345678", Fail(414, "start line")),
    case("start line still within its limit", b"GET /2345678901234567890123456789012345678901234", More),
    case("method without end", b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", Fail(501, "method")),
    case(
        "fields at their limit",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n",
        Pass("GET / Http11 keep|Host:a|X:1|Y:2", "", ""),
    ),
    case("one field too many", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nZ: 3\r\n", Fail(431, "too many fields")),
    case(
        "head at its limit",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 012345678901234567890123456789012345678901234567890123456789012345678901234567\r\n\r\n",
        Pass("GET / Http11 keep|Host:a|X:012345678901234567890123456789012345678901234567890123456789012345678901234567", "", ""),
    ),
    case(
        "head one byte past its limit",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789012345678901234567890123456789012345678\r\n\r\n",
        Fail(431, "head"),
    ),
    case(
        "head without end",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234",
        Fail(431, "head"),
    ),
    case(
        "chunk line at its limit",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;34567890123456\r\na\r\n0\r\n\r\n",
        Pass("POST / Http11 keep|Host:a|Transfer-Encoding:chunked", "a", ""),
    ),
    case(
        "chunk line past its limit",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;345678901234567",
        Fail(400, "chunk line"),
    ),
    case(
        "last chunk's line past its limit",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;345678901234567\r\n\r\n",
        Fail(400, "chunk line"),
    ),
    case(
        "trailers at their limit",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 45678901234567890\r\n\r\nG",
        Pass("POST / Http11 keep|Host:a|Transfer-Encoding:chunked", "|X:45678901234567890", "G"),
    ),
    case(
        "trailers past their limit",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 456789012345678901\r\n\r\n",
        Fail(431, "trailer"),
    ),
    case(
        "trailers without end",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 4567890123456789012345",
        Fail(431, "trailer"),
    ),
    case(
        "one trailer too many",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n",
        Fail(431, "too many fields"),
    ),
];

pub(super) const RESPONSE_CASES: &[Case] = &[
    case(
        "status line at its limit",
        b"HTTP/1.1 204 45678901234567890123456789012345678\r\n\r\n",
        Pass("204 \"45678901234567890123456789012345678\" Http11 keep", "", ""),
    ),
    case(
        "status line past its limit",
        b"HTTP/1.1 204 456789012345678901234567890123456789\r\n\r\n",
        Fail(502, "status line"),
    ),
    case("status line without end", b"HTTP/1.1 204 4567890123456789012345678901234567890", Fail(502, "status line")),
    case("one field too many", b"HTTP/1.1 204 X\r\nA:\r\nB:\r\nC:\r\nD:\r\n", Fail(502, "too many fields")),
    case(
        "head without end",
        b"HTTP/1.1 204 X\r\nX: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        Fail(502, "head"),
    ),
];

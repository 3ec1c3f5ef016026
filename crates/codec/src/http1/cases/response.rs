//! Responses, by the kind of request they answer.

use super::{Case, Fail, More, Pass, case};

pub(super) const CASES: &[Case] = &[
    case(
        "length",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP",
        Pass("200 \"OK\" Http11 keep|Content-Length:2", "hi", "HTTP"),
    ),
    case(
        "chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\nX",
        Pass("200 \"OK\" Http11 keep|Transfer-Encoding:chunked", "hi|grpc-status:0", "X"),
    ),
    case("until close", b"HTTP/1.1 200 OK\r\n\r\nhi", Pass("200 \"OK\" Http11 until-close", "hi", "")),
    case(
        "no reason",
        b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        Pass("200 \"\" Http11 keep|Content-Length:0", "", ""),
    ),
    case("empty reason", b"HTTP/1.1 204 \r\n\r\n", Pass("204 \"\" Http11 keep", "", "")),
    case(
        "long reason with high bytes",
        b"HTTP/1.1 404 Pas trouv\xc3\xa9 \r\nContent-Length: 0\r\n\r\n",
        Pass("404 \"Pas trouv\u{e9} \" Http11 keep|Content-Length:0", "", ""),
    ),
    case(
        "unknown status",
        b"HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n",
        Pass("799 \"X\" Http11 keep|Content-Length:0", "", ""),
    ),
    case(
        "close",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        Pass("200 \"OK\" Http11|Content-Length:0|Connection:close", "", ""),
    ),
    case(
        "HTTP/1.0",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        Pass("200 \"OK\" Http10|Content-Length:1", "a", ""),
    ),
    case(
        "HTTP/1.0 keep-alive",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na",
        Pass("200 \"OK\" Http10 keep|Content-Length:1|Connection:keep-alive", "a", ""),
    ),
    case(
        "HTTP/1.0 keep-alive without a length",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\na",
        Pass("200 \"OK\" Http10 until-close|Connection:keep-alive", "a", ""),
    ),
    case(
        "continue",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        Pass("100 \"Continue\" Http11 keep", "", "HTTP/1.1 200 OK\r\n"),
    ),
    case(
        "early hints",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nH",
        Pass("103 \"Early Hints\" Http11 keep|Link:</a>", "", "H"),
    ),
    case(
        "switching protocols opens a tunnel",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00",
        Pass(
            "101 \"Switching Protocols\" Http11 upgrade until-close|Upgrade:websocket|Connection:Upgrade",
            "\u{fffd}\0",
            "",
        ),
    ),
    case(
        "204 has no body",
        b"HTTP/1.1 204 No Content\r\n\r\nH",
        Pass("204 \"No Content\" Http11 keep", "", "H"),
    ),
    case(
        "204 that announces a body is not reused",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        Pass("204 \"No Content\" Http11|Content-Length:5", "", "hello"),
    ),
    case(
        "100 that announces chunks is not reused",
        b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\nH",
        Pass("100 \"Continue\" Http11|Transfer-Encoding:chunked", "", "H"),
    ),
    case(
        "304 has no body",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nH",
        Pass("304 \"Not Modified\" Http11 keep|Content-Length:5", "", "H"),
    ),
    case(
        "equal lengths count once",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\ncontent-length: 2\r\n\r\nhi",
        Pass("200 \"OK\" Http11 keep|Content-Length:2|X:y", "hi", ""),
    ),
    case(
        "Host has no rules in a response",
        b"HTTP/1.1 204 No Content\r\nHost: a b\r\nHost: c\r\n\r\n",
        Pass("204 \"No Content\" Http11 keep|Host:a b|Host:c", "", ""),
    ),
    case(
        "connection nominates",
        b"HTTP/1.1 204 No Content\r\nConnection: X-A, close\r\n\r\n",
        Pass("204 \"No Content\" Http11 nominates|Connection:X-A, close", "", ""),
    ),
    case("not complete", b"HTTP/1.1 200 OK\r\nX: y\r\n", More),
    case("body not complete", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", More),
    case(
        "length and chunks",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fail(502, "both"),
    ),
    case(
        "chunks and length on 304",
        b"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        Fail(502, "both"),
    ),
    case(
        "differing lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        Fail(502, "differing"),
    ),
    case(
        "list of lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
        Fail(502, "malformed Content-Length"),
    ),
    case(
        "negative length",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
        Fail(502, "malformed Content-Length"),
    ),
    case(
        "unknown coding",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
        Fail(502, "transfer coding"),
    ),
    case(
        "chunks on HTTP/1.0",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fail(502, "HTTP/1.0"),
    ),
    case("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi", Fail(502, "LF without CR")),
    case("bare LF after the code", b"HTTP/1.1 200\n\r\n", Fail(502, "LF without CR")),
    case(
        "bare LF ends the head",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nhi",
        Fail(502, "LF without CR"),
    ),
    case("bare CR in the reason", b"HTTP/1.1 200 O\rK\r\n\r\n", Fail(502, "status line")),
    case("NUL in the reason", b"HTTP/1.1 200 O\0K\r\n\r\n", Fail(502, "status line")),
    case("folded line", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", Fail(502, "folded line")),
    case(
        "space before the colon",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
        Fail(502, "field name"),
    ),
    case("control byte in a value", b"HTTP/1.1 200 OK\r\nX: \x02\r\n\r\n", Fail(502, "field value")),
    case("empty line before", b"\r\nHTTP/1.1 200 OK\r\n\r\n", Fail(502, "empty line")),
    case("space before", b" HTTP/1.1 200 OK\r\n\r\n", Fail(502, "version")),
    case("two digits", b"HTTP/1.1 20 OK\r\n\r\n", Fail(502, "status line")),
    case("four digits", b"HTTP/1.1 2000 OK\r\n\r\n", Fail(502, "status line")),
    case("status below 100", b"HTTP/1.1 099 X\r\n\r\n", Fail(502, "below 100")),
    case("two spaces", b"HTTP/1.1  200 OK\r\n\r\n", Fail(502, "status line")),
    case("HTTP/2", b"HTTP/2 200\r\n\r\n", Fail(502, "version")),
    case("HTTP/1.2", b"HTTP/1.2 200 OK\r\n\r\n", Fail(502, "version")),
    case("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n", Fail(502, "version")),
    case(
        "bad chunk",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        Fail(400, "hexadecimal"),
    ),
];

pub(super) const HEAD_CASES: &[Case] = &[
    case(
        "length without a body",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP",
        Pass("200 \"OK\" Http11 keep|Content-Length:5", "", "HTTP"),
    ),
    case(
        "chunks without a body",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP",
        Pass("200 \"OK\" Http11 keep|Transfer-Encoding:chunked", "", "HTTP"),
    ),
    case("neither", b"HTTP/1.1 200 OK\r\n\r\nHTTP", Pass("200 \"OK\" Http11 keep", "", "HTTP")),
];

pub(super) const CONNECT_CASES: &[Case] = &[
    case(
        "2xx opens a tunnel",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16",
        Pass("200 \"OK\" Http11 until-close|Content-Length:5", "\u{16}", ""),
    ),
    case(
        "an error has a body",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnoX",
        Pass("403 \"Forbidden\" Http11 keep|Content-Length:2", "no", "X"),
    ),
];

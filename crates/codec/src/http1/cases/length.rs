//! Content-Length and Transfer-Encoding of requests.

use super::{Case, Fail, More, Pass, case};

pub(super) const CASES: &[Case] = &[
    case(
        "length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET",
        Pass("POST / Http11 keep|Host:a|Content-Length:5", "hello", "GET"),
    ),
    case(
        "length of zero",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nX",
        Pass("POST / Http11 keep|Host:a|Content-Length:0", "", "X"),
    ),
    case(
        "leading zeros",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabcX",
        Pass("POST / Http11 keep|Host:a|Content-Length:003", "abc", "X"),
    ),
    case(
        "length on HTTP/1.0",
        b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nab",
        Pass("POST / Http10|Content-Length:1", "a", "b"),
    ),
    case("body not complete", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", More),
    case(
        "largest length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\nx",
        More,
    ),
    case(
        "length and chunks",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fail(400, "both Content-Length and Transfer-Encoding"),
    ),
    case(
        "chunks and length",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Fail(400, "both Content-Length and Transfer-Encoding"),
    ),
    case(
        "chunks and a length of zero",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        Fail(400, "both Content-Length and Transfer-Encoding"),
    ),
    case(
        "differing lengths",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        Fail(400, "differing Content-Length"),
    ),
    case(
        "equal lengths",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        Fail(400, "more than one Content-Length"),
    ),
    case(
        "list of lengths",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "plus sign",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "minus sign",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "inner space",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "empty length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "hexadecimal length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "decimal point",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "quoted length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "length past i64",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "length past u64",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
        Fail(400, "malformed Content-Length"),
    ),
    case(
        "chunks in capitals",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\nX",
        Pass("POST / Http11 keep|Host:a|Transfer-Encoding:CHUNKED", "", "X"),
    ),
    case(
        "chunks on HTTP/1.0",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fail(400, "HTTP/1.0"),
    ),
    case(
        "unknown coding",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "identity",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "empty coding",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "gzip then chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "chunked then gzip",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "chunked twice in a list",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "chunked twice",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fail(400, "more than one Transfer-Encoding"),
    ),
    case(
        "chunked and identity",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "quoted chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "chunked with a parameter",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "chunked and a comma",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n",
        Fail(400, "transfer coding"),
    ),
    case(
        "space before the colon",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        Fail(400, "field name"),
    ),
    case(
        "vertical tab before chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
        Fail(400, "field value"),
    ),
    case(
        "folded coding",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        Fail(400, "folded line"),
    ),
    case(
        "coding hidden behind a bare CR",
        b"POST / HTTP/1.1\r\nHost: a\r\nX: x\rTransfer-Encoding: chunked\r\n\r\n",
        Fail(400, "bare CR"),
    ),
    case(
        "a name with an underscore is no length",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\nGET",
        Pass("POST / Http11 keep|Host:a|Content_Length:5", "", "GET"),
    ),
];

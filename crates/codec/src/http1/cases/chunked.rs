//! Chunked bodies. The macro puts the head before each body.

use super::{Case, Fail, More, Pass, case};

macro_rules! chunked {
    ($body:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $body).as_bytes()
    };
}

const HEAD: &str = "POST / Http11 keep|Host:a|Transfer-Encoding:chunked";

pub(super) const CASES: &[Case] = &[
    case("one chunk", chunked!("5\r\nhello\r\n0\r\n\r\nGET"), Pass(HEAD, "hello", "GET")),
    case(
        "several chunks",
        chunked!("5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n"),
        Pass(HEAD, "hello 0123456789", ""),
    ),
    case(
        "hexadecimal in both cases",
        chunked!("a\r\n0123456789\r\n0B\r\n01234567890\r\n0\r\n\r\n"),
        Pass(HEAD, "012345678901234567890", ""),
    ),
    case(
        "data that looks like framing",
        chunked!("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        Pass(HEAD, "\r\n0\r\n\r\n", ""),
    ),
    case("several zeros end it", chunked!("000\r\n\r\nX"), Pass(HEAD, "", "X")),
    case("extensions", chunked!("5;a;b=c;d=\"e;f\" \r\nhello\r\n0;last\r\n\r\nX"), Pass(HEAD, "hello", "X")),
    case(
        "white space around an extension",
        chunked!("5 ; a\r\nhello\r\n0\t;b\r\n\r\n"),
        Pass(HEAD, "hello", ""),
    ),
    case("trailers", chunked!("1\r\na\r\n0\r\nX-Sum: 1\r\ny:\r\n\r\nGET"), Pass(HEAD, "a|X-Sum:1|y:", "GET")),
    case(
        "forbidden trailers are dropped",
        chunked!("0\r\nContent-Length: 5\r\nX: 1\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\nX"),
        Pass(HEAD, "|X:1", "X"),
    ),
    case("only forbidden trailers", chunked!("0\r\nAuthorization: x\r\n\r\nX"), Pass(HEAD, "", "X")),
    // Malformed.
    case("no size", chunked!("\r\n"), Fail(400, "without a hexadecimal digit")),
    case(
        "white space before the size",
        chunked!(" 5\r\nhello\r\n"),
        Fail(400, "without a hexadecimal digit"),
    ),
    case("minus sign", chunked!("-5\r\nhello\r\n"), Fail(400, "without a hexadecimal digit")),
    case("plus sign", chunked!("+5\r\nhello\r\n"), Fail(400, "without a hexadecimal digit")),
    case("hexadecimal prefix", chunked!("0x5\r\nhello\r\n"), Fail(400, "invalid byte in a chunk size")),
    case("not hexadecimal", chunked!("5g\r\nhello\r\n"), Fail(400, "invalid byte in a chunk size")),
    case(
        "white space after the size",
        chunked!("5 \r\nhello\r\n"),
        Fail(400, "white space after a chunk size"),
    ),
    case(
        "white space inside the size",
        chunked!("5 5\r\nhello\r\n"),
        Fail(400, "invalid byte in a chunk size"),
    ),
    case("size past i64", chunked!("8000000000000000\r\n"), Fail(400, "overflows")),
    case("size past u64", chunked!("10000000000000005\r\nhello\r\n"), Fail(400, "overflows")),
    case("zeros without end", chunked!("00000000000000005\r\nhello\r\n"), Fail(400, "overflows")),
    case("bare LF after the size", chunked!("5\nhello\r\n"), Fail(400, "CRLF")),
    case("bare CR after the size", chunked!("5\rhello\r\n"), Fail(400, "CRLF")),
    case("bare LF after an extension", chunked!("5;a\nhello\r\n"), Fail(400, "CRLF")),
    case("bare CR in an extension", chunked!("5;a\rb\r\nhello\r\n"), Fail(400, "CRLF")),
    case("bare LF after white space", chunked!("5 \nhello\r\n"), Fail(400, "white space after a chunk size")),
    case("NUL in an extension", chunked!("5;a\0b\r\nhello\r\n"), Fail(400, "control byte")),
    case("data longer than its size", chunked!("4\r\nhello\r\n0\r\n\r\n"), Fail(400, "not followed by CRLF")),
    case("bare LF after data", chunked!("5\r\nhello\n0\r\n\r\n"), Fail(400, "not followed by CRLF")),
    case("CR without LF after data", chunked!("5\r\nhello\rX"), Fail(400, "not followed by CRLF")),
    case("no line end after data", chunked!("5\r\nhello0\r\n\r\n"), Fail(400, "not followed by CRLF")),
    case("bare LF after the last chunk", chunked!("0\n\r\n"), Fail(400, "CRLF")),
    case("bare LF ends the body", chunked!("0\r\n\n"), Fail(400, "LF without CR")),
    case("bare CR ends the body", chunked!("0\r\n\rX"), Fail(400, "CRLF")),
    case("bare LF in the trailers", chunked!("0\r\nX: 1\nY: 2\r\n\r\n"), Fail(400, "LF without CR")),
    case("bare LF ends the trailers", chunked!("0\r\nX: 1\r\n\n"), Fail(400, "LF without CR")),
    case("folded trailer", chunked!("0\r\nX: 1\r\n 2\r\n\r\n"), Fail(400, "folded line")),
    case("trailer without a colon", chunked!("0\r\nGET / HTTP/1.1\r\n\r\n"), Fail(400, "field name")),
    case("space before a trailer's colon", chunked!("0\r\nX : 1\r\n\r\n"), Fail(400, "field name")),
    case("NUL in a trailer", chunked!("0\r\nX: 1\0\r\n\r\n"), Fail(400, "field value")),
    // Unfinished.
    case("size not complete", chunked!("5"), More),
    case("size line not complete", chunked!("5\r"), More),
    case("extension not complete", chunked!("5;a"), More),
    case("data not complete", chunked!("5\r\nhell"), More),
    case("end of chunk missing", chunked!("5\r\nhello"), More),
    case("last chunk missing", chunked!("5\r\nhello\r\n"), More),
    case("last line missing", chunked!("0\r\n"), More),
    case("half a last line", chunked!("0\r\n\r"), More),
    case("trailers not complete", chunked!("0\r\nX: 1\r\n"), More),
    case("largest size", chunked!("7fffffffffffffff\r\nx"), More),
];

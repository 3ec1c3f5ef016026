//! What the HTTP/1 codec costs in instructions, counted by callgrind, so that a regression shows on a noisy machine.
//!
//! Needs valgrind and the runner of the same version: `cargo install gungraun-runner --version 0.20.0 --locked`. Run
//! with `cargo bench -p mecha-codec`; the change against the last run is printed with each number.
//!
//! Each measured function gets buffers that were used once before, as on a connection that lives: the field list has
//! its capacity, and the output buffer is grown.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is not called by anyone, and its input is its own"
)]

use std::hint::black_box;

use bytes::BytesMut;
use gungraun::{library_benchmark, library_benchmark_group, main};
use mecha_codec::http1::{
    BodyDecoder, BodyEncoder, BodyLength, Decoded, Field, Limits, RequestKind, RequestLine, Scan, StatusLine,
    Version, parse_request, parse_response, write_field, write_request_line, write_status_line,
};

/// Twelve fields as a browser sends them through a mesh, 575 bytes.
const REQUEST: &[u8] = b"GET /api/v1/orders/4711?expand=items&lang=de HTTP/1.1\r\n\
Host: orders.shop.example.com:8080\r\n\
Connection: keep-alive\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: application/json, text/plain, */*\r\n\
Accept-Encoding: gzip, deflate, br\r\n\
Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n\
Referer: https://shop.example.com/account/orders\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
X-Request-Id: 7d9f3c62-1a57-4d8e-9a3e-0f1b2c3d4e5f\r\n\
X-Forwarded-For: 192.0.2.17\r\n\
X-Forwarded-Proto: https\r\n\
Cache-Control: no-cache\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
Date: Tue, 03 Nov 2026 10:15:30 GMT\r\n\
Server: nginx\r\n\
Content-Type: application/json; charset=utf-8\r\n\
Content-Length: 128\r\n\
Connection: keep-alive\r\n\
Cache-Control: no-store\r\n\
Vary: Accept-Encoding\r\n\
X-Request-Id: 7d9f3c62-1a57-4d8e-9a3e-0f1b2c3d4e5f\r\n\r\n";

struct Parse {
    scan: Scan,
    limits: Limits,
    fields: Vec<Field>,
}

/// The state of a connection that has parsed a head before.
fn used() -> Parse {
    let mut state = Parse { scan: Scan::default(), limits: Limits::default(), fields: Vec::new() };
    black_box(request(&mut state));
    state
}

fn request(state: &mut Parse) -> RequestLine {
    parse_request(black_box(REQUEST), &mut state.scan, &state.limits, &mut state.fields).unwrap().unwrap()
}

fn response(state: &mut Parse) -> StatusLine {
    let kind = RequestKind::Other;
    parse_response(black_box(RESPONSE), &mut state.scan, &state.limits, kind, &mut state.fields)
        .unwrap()
        .unwrap()
}

#[library_benchmark]
#[bench::twelve_fields(used())]
fn parse_request_head(mut state: Parse) -> (Parse, RequestLine) {
    let line = request(&mut state);
    (state, line)
}

#[library_benchmark]
#[bench::eight_fields(used())]
fn parse_response_head(mut state: Parse) -> (Parse, StatusLine) {
    let line = response(&mut state);
    (state, line)
}

fn parsed() -> (RequestLine, Vec<Field>, BytesMut) {
    let mut state = used();
    let line = request(&mut state);
    (line, state.fields, BytesMut::with_capacity(4096))
}

#[library_benchmark]
#[bench::twelve_fields(parsed())]
fn write_request_head(
    (line, fields, mut out): (RequestLine, Vec<Field>, BytesMut),
) -> (Vec<Field>, BytesMut) {
    let buf = black_box(REQUEST);
    write_request_line(line.method.slice(buf), line.target.slice(buf), &mut out);
    for field in &fields {
        write_field(field.name.slice(buf), field.value.slice(buf), &mut out);
    }
    out.extend_from_slice(b"\r\n");
    (fields, out)
}

fn responded() -> (Vec<Field>, BytesMut) {
    let mut state = used();
    response(&mut state);
    (state.fields, BytesMut::with_capacity(4096))
}

#[library_benchmark]
#[bench::eight_fields(responded())]
fn write_response_head((fields, mut out): (Vec<Field>, BytesMut)) -> (Vec<Field>, BytesMut) {
    let buf = black_box(RESPONSE);
    write_status_line(black_box(200), Some(black_box(b"OK")), Version::Http11, &mut out);
    for field in &fields {
        write_field(field.name.slice(buf), field.value.slice(buf), &mut out);
    }
    out.extend_from_slice(b"\r\n");
    (fields, out)
}

/// 16 KiB in chunks of `size` bytes, in a buffer that was shared before.
fn chunks(size: usize) -> BytesMut {
    let (mut encoder, mut out) = (BodyEncoder::new(BodyLength::Chunked), BytesMut::with_capacity(64 << 10));
    out.extend_from_slice(b"head");
    drop(out.split_to(4));
    for _ in 0..(16 << 10) / size {
        encoder.before(size, &mut out).unwrap();
        out.extend_from_slice(&vec![b'x'; size]);
        encoder.after(&mut out);
    }
    encoder.end(std::iter::empty(), &mut out).unwrap();
    out
}

#[library_benchmark]
#[bench::one_chunk(chunks(16 << 10))]
#[bench::chunks_of_4_kib(chunks(4 << 10))]
#[bench::chunks_of_64_bytes(chunks(64))]
fn decode_chunked_16_kib(mut buf: BytesMut) -> (BytesMut, usize) {
    let (mut decoder, limits, mut total) = (BodyDecoder::new(BodyLength::Chunked), Limits::default(), 0);
    while let Decoded::Data(data) = decoder.decode(&mut buf, &limits).unwrap() {
        total += black_box(data).len();
    }
    (buf, total)
}

library_benchmark_group!(
    name = heads,
    benchmarks = [parse_request_head, parse_response_head, write_request_head, write_response_head]
);
library_benchmark_group!(name = bodies, benchmarks = [decode_chunked_16_kib]);
main!(library_benchmark_groups = [heads, bodies]);

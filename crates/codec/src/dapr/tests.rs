//! The bytes of messages as other runtimes write and read them, and what a direction of a call may not do.

use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::chunk::put;
use super::*;
use crate::grpc;

/// `InternalInvokeRequestStream` by hand: field numbers, wire types and values of the public protocol.
const REQUEST: &[u8] = b"\x0a\x5e\
    \x08\x01\
    \x12\x14\x0a\x06Accept\x12\x0a\x0a\x03a/b\x0a\x03c/d\
    \x12\x1a\x0a\x12destination-app-id\x12\x04\x0a\x02to\
    \x1a\x28\x0a\x06m/\xc3\xbc x\x1a\x10application/json\x22\x0c\x08\x09\x12\x08a=1&b=%2\
    \x12\x04\x0a\x02hi";

/// `InternalInvokeResponseStream` by hand.
const RESPONSE: &[u8] = b"\x0a\x2f\
    \x0a\x03\x08\xc9\x01\
    \x12\x0b\x0a\x03X-A\x12\x04\x0a\x021,\
    \x1a\x09\x0a\x01t\x12\x04\x0a\x02ok\
    \x22\x10\x0a\x04\x0a\x02u/\x12\x08text/css\
    \x12\x06\x0a\x02yo\x10\x07";

fn request() -> InternalInvokeRequest {
    let values =
        |values: &[&str]| Values { values: values.iter().map(|value| (*value).to_owned()).collect() };
    InternalInvokeRequest {
        ver: 1,
        metadata: [
            ("Accept".to_owned(), values(&["a/b", "c/d"])),
            ("destination-app-id".to_owned(), values(&["to"])),
        ]
        .into(),
        message: Some(InvokeRequest {
            method: "m/\u{fc} x".to_owned(),
            data: None,
            content_type: "application/json".to_owned(),
            http_extension: Some(HttpExtension {
                verb: Verb::Patch as i32,
                querystring: "a=1&b=%2".to_owned(),
            }),
        }),
    }
}

#[test]
fn a_request_has_the_bytes_of_the_protocol() {
    let payload = StreamPayload { data: Bytes::from_static(b"hi"), seq: 0 };
    let chunk = RequestChunk { request: Some(request()), payload: Some(payload) };
    assert_eq!(chunk.encode_to_vec(), REQUEST, "{:?}", Bytes::from(chunk.encode_to_vec()));
    assert_eq!(RequestChunk::decode(REQUEST).unwrap(), chunk);
}

#[test]
fn a_response_has_the_bytes_of_the_protocol() {
    let values = |value: &str| Values { values: vec![value.to_owned()] };
    let chunk = ResponseChunk {
        response: Some(InternalInvokeResponse {
            status: Some(Status { code: 201, ..Status::default() }),
            headers: [("X-A".to_owned(), values("1,"))].into(),
            trailers: [("t".to_owned(), values("ok"))].into(),
            message: Some(InvokeResponse {
                data: Some(Any { type_url: "u/".to_owned(), value: Bytes::new() }),
                content_type: "text/css".to_owned(),
            }),
        }),
        payload: Some(StreamPayload { data: Bytes::from_static(b"yo"), seq: 7 }),
    };
    assert_eq!(chunk.encode_to_vec(), RESPONSE, "{:?}", Bytes::from(chunk.encode_to_vec()));
    assert_eq!(ResponseChunk::decode(RESPONSE).unwrap(), chunk);
}

fn read(bytes: &[Bytes]) -> Result<(Option<InternalInvokeRequest>, Vec<u8>), ChunkError> {
    let mut decoder = ChunkDecoder::<RequestChunk>::new(64 << 10);
    let (mut head, mut body) = (None, Vec::new());
    for piece in bytes {
        decoder.push(piece.clone());
        while let Some(received) = decoder.next_chunk()? {
            head = received.head.or(head);
            body.extend_from_slice(&received.data);
        }
    }
    decoder.finish()?;
    Ok((head, body))
}

#[test]
fn a_body_travels_in_numbered_pieces_of_bounded_size() {
    let mut encoder = ChunkEncoder::<RequestChunk>::new(request());
    let body = Bytes::from(vec![7; 3 * CHUNK + 1]);
    let sent = [encoder.data(body.clone()), encoder.data(Bytes::from_static(b"end"))];
    assert_eq!(encoder.head(), None);
    let (head, received) = read(&sent).unwrap();
    assert_eq!(head, Some(request()));
    assert_eq!(received, [&body[..], b"end"].concat());
    let mut pieces = grpc::Messages::new(CHUNK + 256);
    pieces.push(sent[0].clone());
    let mut numbers = Vec::new();
    while let Some(message) = pieces.next_message().unwrap() {
        numbers.push(RequestChunk::decode(message).unwrap().payload.unwrap().seq);
    }
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[test]
fn a_call_without_a_body_is_one_message() {
    let mut encoder = ChunkEncoder::<RequestChunk>::new(request());
    let only = encoder.head().unwrap();
    assert_eq!(read(&[only]).unwrap(), (Some(request()), Vec::new()));
}

#[test]
fn the_head_goes_with_an_empty_piece_too() {
    let mut encoder = ChunkEncoder::<RequestChunk>::new(request());
    let only = encoder.data(Bytes::new());
    assert_eq!(read(&[only]).unwrap(), (Some(request()), Vec::new()));
    assert_eq!(encoder.data(Bytes::new()), Bytes::new());
}

#[test]
fn what_breaks_the_protocol_is_told_apart() {
    let framed = |chunk: &RequestChunk| {
        let mut out = BytesMut::new();
        put(&mut out, chunk);
        out.freeze()
    };
    let payload = |seq| Some(StreamPayload { data: Bytes::from_static(b"x"), seq });
    let first = framed(&RequestChunk { request: Some(request()), payload: payload(0) });
    let headless = framed(&RequestChunk { request: None, payload: payload(0) });
    let third = framed(&RequestChunk { request: None, payload: payload(2) });
    assert_eq!(read(std::slice::from_ref(&headless)), Err(ChunkError::Misplaced));
    assert_eq!(read(&[first.clone(), first.clone()]), Err(ChunkError::Misplaced));
    assert_eq!(read(&[first.clone(), third]), Err(ChunkError::Sequence { received: 2, expected: 1 }));
    assert_eq!(read(&[]), Err(ChunkError::Misplaced));
    assert_eq!(read(&[first.slice(..8)]), Err(ChunkError::Frame(grpc::FrameError::Cut)));
    assert_eq!(read(&[Bytes::from_static(b"\0\0\0\0\x01\xff")]), Err(ChunkError::Malformed));
}

#[test]
fn verbs_are_the_methods_of_http() {
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] {
        assert_eq!(Verb::of(method).map(Verb::method), Some(method));
    }
    assert_eq!(Verb::of("PROPFIND"), None);
    assert_eq!(Verb::None.method(), "POST");
    assert_eq!((Verb::Get as i32, Verb::Delete as i32, Verb::Patch as i32), (1, 5, 9));
}

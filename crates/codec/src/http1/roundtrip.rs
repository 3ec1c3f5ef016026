//! Properties: what is written is read back the same however it is split, no input makes a parser panic, and none
//! takes a byte of the next message.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Data, then trailers as name and value, then what was left in the buffer.
type Body = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>);

/// Decodes `input`, fed in pieces of the given sizes, over and over. `None` when the body does not end.
fn decode(length: BodyLength, input: &[u8], pieces: &[usize]) -> Result<Option<Body>, ParseError> {
    let (mut decoder, limits) = (BodyDecoder::new(length), Limits::default());
    let (mut buf, mut data, mut trailers, mut fed) = (BytesMut::new(), Vec::new(), Vec::new(), 0);
    let mut sizes = pieces.iter().copied().cycle();
    loop {
        match decoder.decode(&mut buf, &limits)? {
            Decoded::Data(piece) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
            }
            Decoded::Trailers { block, fields } => trailers.extend(
                fields
                    .iter()
                    .map(|field| (field.name.slice(&block).into(), field.value.slice(&block).into())),
            ),
            Decoded::End => {
                buf.extend_from_slice(&input[fed..]);
                return Ok(Some((data, trailers, buf.to_vec())));
            }
            Decoded::More if fed == input.len() => return Ok(None),
            Decoded::More => {
                let end = (fed + sizes.next().unwrap_or(1).max(1)).min(input.len());
                buf.extend_from_slice(&input[fed..end]);
                fed = end;
            }
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    // A prefix keeps clear of the names with rules of their own.
    "X-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,20}"
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8, Just(b'\t')];
    vec(inner, 0..40).prop_map(|value| value.trim_ascii().to_vec())
}

proptest! {
    #[test]
    fn chunks_written_are_read_back(
        slices in vec(vec(any::<u8>(), 1..200), 0..8),
        trailers in vec((name(), value()), 0..4),
        rest in vec(any::<u8>(), 0..20),
        pieces in vec(1..100_usize, 1..10),
    ) {
        let (mut encoder, mut out) = (BodyEncoder::new(BodyLength::Chunked), BytesMut::new());
        for slice in &slices {
            encoder.before(slice.len(), &mut out).unwrap();
            out.extend_from_slice(slice);
            encoder.after(&mut out);
        }
        encoder.end(trailers.iter().map(|(name, value)| (name.as_bytes(), &value[..])), &mut out).unwrap();
        out.extend_from_slice(&rest);
        let want: Vec<_> = trailers.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone())).collect();
        prop_assert_eq!(decode(BodyLength::Chunked, &out, &pieces), Ok(Some((slices.concat(), want, rest))));
    }

    #[test]
    fn fixed_bodies_take_their_length_and_no_more(
        body in vec(any::<u8>(), 0..300),
        rest in vec(any::<u8>(), 0..20),
        pieces in vec(1..100_usize, 1..10),
    ) {
        let input = [&body[..], &rest].concat();
        let got = decode(BodyLength::Fixed(body.len() as u64), &input, &pieces);
        prop_assert_eq!(got, Ok(Some((body, Vec::new(), rest))));
    }

    #[test]
    fn any_split_of_any_bytes_decodes_the_same(
        input in "([0-9a-fA-F]{1,2}(;[a-z]{0,3})?\r\n|[a-f0-9 ;\r\n]{0,12}|0\r\n\r\n|X: 1\r\n|\r\n){0,8}",
        pieces in vec(1..8_usize, 1..10),
    ) {
        let whole = decode(BodyLength::Chunked, input.as_bytes(), &[usize::MAX]);
        prop_assert_eq!(decode(BodyLength::Chunked, input.as_bytes(), &pieces), whole);
    }

    #[test]
    fn garbage_is_refused_without_a_panic(input in vec(any::<u8>(), 0..200)) {
        let (limits, mut fields) = (Limits::default(), Vec::new());
        if let Ok(Some(line)) = parse_request(&input, &mut Scan::default(), &limits, &mut fields) {
            prop_assert!(line.head_len <= input.len());
        }
        let response = parse_response(&input, &mut Scan::default(), &limits, RequestKind::Other, &mut fields);
        if let Ok(Some(line)) = response {
            prop_assert!(line.head_len <= input.len());
        }
        let _ = decode(BodyLength::Chunked, &input, &[7]);
    }

    #[test]
    fn heads_written_are_read_back_byte_for_byte(
        method in "[A-Z]{1,12}",
        path in "/[a-z0-9/%._~!$&'()*+,;=:@?-]{0,40}",
        fields in vec((name(), value()), 0..20),
    ) {
        prop_assume!(method != "CONNECT");
        let mut out = BytesMut::new();
        write_request_line(method.as_bytes(), path.as_bytes(), &mut out);
        write_field(b"Host", b"a", &mut out);
        for (name, value) in &fields {
            write_field(name.as_bytes(), value, &mut out);
        }
        out.extend_from_slice(b"\r\n");
        let mut parsed = Vec::new();
        let line = parse_request(&out, &mut Scan::default(), &Limits::default(), &mut parsed).unwrap().unwrap();
        let mut again = BytesMut::new();
        write_request_line(line.method.slice(&out), line.target.slice(&out), &mut again);
        for field in &parsed {
            write_field(field.name.slice(&out), field.value.slice(&out), &mut again);
        }
        again.extend_from_slice(b"\r\n");
        prop_assert_eq!(line.head_len, out.len());
        prop_assert_eq!(again, out);
    }

    #[test]
    fn a_head_in_pieces_gives_the_same_fields(
        fields in vec((name(), value()), 0..60),
        pieces in vec(1..700_usize, 1..8),
    ) {
        let mut out = BytesMut::new();
        write_status_line(204, None, Version::Http11, &mut out);
        for (name, value) in &fields {
            write_field(name.as_bytes(), value, &mut out);
        }
        out.extend_from_slice(b"\r\n");
        let (mut scan, mut parsed, mut end) = (Scan::default(), Vec::new(), 0);
        for piece in pieces.iter().cycle() {
            end = (end + piece).min(out.len());
            let limits = Limits::default();
            let line = parse_response(&out[..end], &mut scan, &limits, RequestKind::Other, &mut parsed).unwrap();
            prop_assert_eq!(line.is_some(), end == out.len());
            if end == out.len() {
                break;
            }
        }
        let got: Vec<_> = parsed.iter().map(|field| (field.name.slice(&out), field.value.slice(&out))).collect();
        let want: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), &value[..])).collect();
        prop_assert_eq!(got, want);
    }
}

/// A head that arrives byte by byte is parsed about once per line, not once per byte.
#[test]
fn a_dripping_head_is_not_parsed_for_each_byte() {
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    head.resize(50 << 10, b'x');
    let (mut scan, limits, mut fields) = (Scan::default(), Limits::default(), Vec::new());
    let mut parses = 0;
    for end in 1..head.len() {
        if scan.wants_parse(&head[..end]) {
            parses += 1;
        }
        assert!(matches!(parse_request(&head[..end], &mut scan, &limits, &mut fields), Ok(None)));
    }
    assert!(parses < 300, "{parses} parses for {} bytes", head.len());
}

/// The largest default limits, at their real sizes: a line or head that never ends is refused soon after its limit.
#[test]
fn endless_input_is_refused_at_the_limit() {
    let limits = Limits::default();
    let refused_at = |start: &[u8], fill: &[u8]| {
        let (mut buf, mut scan, mut fields) = (start.to_vec(), Scan::default(), Vec::new());
        loop {
            buf.extend_from_slice(fill);
            match parse_request(&buf, &mut scan, &limits, &mut fields) {
                Ok(None) => assert!(buf.len() < 1 << 20, "never refused"),
                Ok(Some(_)) => panic!("no end was sent"),
                Err(error) => return (error.status, buf.len()),
            }
        }
    };
    let (status, len) = refused_at(b"GET /", &[b'a'; 1000]);
    assert!(status == 414 && len <= limits.start_line + 1005, "{status} after {len}");
    let (status, len) = refused_at(b"GET / HTTP/1.1\r\nX: ", &[b'a'; 1000]);
    assert!(status == 431 && len <= limits.header_bytes + 1020, "{status} after {len}");
    let (status, len) = refused_at(b"GET / HTTP/1.1\r\n", b"A: b\r\n");
    assert!(status == 431 && len <= 16 + 101 * 6, "{status} after {len}");
}

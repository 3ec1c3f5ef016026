//! Chunked bodies: any split of the input decodes the same, and as a second decoder says.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mecha_codec::http1::{BodyDecoder, BodyLength, Decoded, Limits};
use mecha_fuzz::chunked::Body;

fuzz_target!(|input: &[u8]| {
    let whole = decode(input, &[input.len()]);
    assert_eq!(decode(input, &mecha_fuzz::cuts(input)), whole, "in pieces");
    assert_eq!(decode(input, &(1..=input.len()).collect::<Vec<_>>()), whole, "byte by byte");
    match (&whole, mecha_fuzz::chunked::decode(input)) {
        // The codec tells some faults before their line is complete.
        (Body::Broken, Body::Unfinished) => {}
        // It judges trailers when their section is complete.
        (Body::Unfinished, Body::Broken) => {
            let ended = [input, b"\r\n\r\n"].concat();
            assert_eq!(decode(&ended, &[ended.len()]), Body::Broken);
        }
        (whole, second) => assert_eq!(whole, &second),
    }
});

fn decode(input: &[u8], ends: &[usize]) -> Body {
    let (mut decoder, limits, mut buf) =
        (BodyDecoder::new(BodyLength::Chunked), Limits::default(), BytesMut::new());
    let (mut data, mut trailers, mut fed, mut ends) = (Vec::new(), Vec::new(), 0, ends.iter());
    loop {
        match decoder.decode(&mut buf, &limits) {
            Err(_) => return Body::Broken,
            Ok(Decoded::Data(piece)) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
            }
            Ok(Decoded::Trailers { block, fields }) => {
                trailers.extend(
                    fields.iter().map(|f| (f.name.slice(&block).into(), f.value.slice(&block).into())),
                );
            }
            Ok(Decoded::End) => return Body::Done { data, trailers, len: fed - buf.len() },
            Ok(Decoded::More) => {
                let Some(end) = ends.next() else { return Body::Unfinished };
                buf.extend_from_slice(&input[fed..*end]);
                fed = *end;
            }
        }
    }
}

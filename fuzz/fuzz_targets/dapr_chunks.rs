//! Streamed calls between runtimes: any split of the input decodes the same, and what was read can be written again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mecha_codec::dapr::{Chunk, ChunkDecoder, ChunkEncoder, ChunkError, RequestChunk, ResponseChunk};

/// More than any input has, so that lengths beyond it are refused and lengths below it are waited for.
const LONGEST: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    check::<RequestChunk>(input);
    check::<ResponseChunk>(input);
});

fn check<C: Chunk>(input: &[u8]) {
    let whole = Call::<C>::read(input, &[input.len()]);
    let ends: Vec<usize> = (1..=input.len()).collect();
    for pieces in [mecha_fuzz::cuts(input), ends] {
        let call = Call::<C>::read(input, &pieces);
        assert_eq!(
            (call.shown(), &call.body, &call.end),
            (whole.shown(), &whole.body, &whole.end),
            "in pieces"
        );
    }
    let (Ok(()), Some(head)) = (&whole.end, &whole.head) else { return };
    let mut encoder = ChunkEncoder::<C>::new(head.clone());
    let written = match whole.body.is_empty() {
        true => encoder.head().expect("it did not go out yet"),
        false => encoder.data(Bytes::copy_from_slice(&whole.body)),
    };
    let again = Call::<C>::read(&written, &[written.len()]);
    assert_eq!(
        (again.shown(), &again.body, again.end),
        (whole.shown(), &whole.body, Ok(())),
        "written again"
    );
}

/// What was read of one direction of a call, up to its end or the first fault.
struct Call<C: Chunk> {
    head: Option<C::Head>,
    body: Vec<u8>,
    end: Result<(), ChunkError>,
}

impl<C: Chunk> Call<C> {
    fn read(input: &[u8], ends: &[usize]) -> Self {
        let (mut decoder, mut from) = (ChunkDecoder::<C>::new(LONGEST), 0);
        let mut call = Call { head: None, body: Vec::new(), end: Ok(()) };
        for end in ends {
            decoder.push(Bytes::copy_from_slice(&input[from..*end]));
            from = *end;
            loop {
                match decoder.next_chunk() {
                    Ok(None) => break,
                    Ok(Some(chunk)) => {
                        assert_eq!(
                            chunk.head.is_some(),
                            call.head.is_none(),
                            "the head comes first, and once"
                        );
                        call.head = call.head.or(chunk.head);
                        call.body.extend_from_slice(&chunk.data);
                    }
                    Err(error) => {
                        call.end = Err(error);
                        return call;
                    }
                }
            }
        }
        call.end = decoder.finish();
        call
    }

    fn shown(&self) -> String {
        format!("{:?}", self.head)
    }
}

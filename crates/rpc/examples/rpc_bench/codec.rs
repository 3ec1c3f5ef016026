//! Nanoseconds a frame: decoded off a connection's buffer and forwarded under another number, as a proxy does with
//! every frame that nobody changed. As JSON on standard output.

use std::hint::black_box;
use std::time::Instant;

use bytes::BytesMut;
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Around, Decoded, Limits, Protocol};

use crate::frames::{Frames, Wire};

/// Frames in the buffer at once, as a busy connection reads them.
const BATCH: usize = 32;
const BATCHES: usize = 2_000;
/// The median of so many runs is said.
const RUNS: usize = 9;

/// Measures requests and answers of each protocol.
pub(crate) fn run() -> Result<(), String> {
    let mut lines = Vec::new();
    for protocol in [Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo] {
        let frames = Frames::of(Wire::Rpc(protocol))?;
        for (what, frame) in [("request", &frames.request), ("response", &frames.response)] {
            let mut runs: Vec<f64> =
                (0..RUNS).map(|_| relay(protocol, frame)).collect::<Result<_, String>>()?;
            runs.sort_by(f64::total_cmp);
            let (least, median) = (runs[0], runs[RUNS / 2]);
            lines.push(format!(
                r#"  {{"protocol": "{}", "frame": "{what}", "bytes": {}, "ns": {median:.1}, "least_ns": {least:.1}}}"#,
                protocol.name(),
                frame.len(),
            ));
        }
    }
    println!("[\n{}\n]", lines.join(",\n"));
    Ok(())
}

/// Nanoseconds a frame. Copying the frames in, which the kernel does otherwise, is not in them.
fn relay(protocol: Protocol, frame: &[u8]) -> Result<f64, String> {
    let (codec, limits, batch) = (protocol.codec(), Limits::default(), frame.repeat(BATCH));
    let (mut input, mut fields) = (BytesMut::new(), Vec::<Field>::new());
    let (mut before, mut after) = (BytesMut::new(), BytesMut::new());
    let mut nanos = 0;
    for id in 0..BATCHES as u64 {
        input.reserve(batch.len());
        input.extend_from_slice(&batch);
        let began = Instant::now();
        for _ in 0..BATCH {
            fields.clear();
            let decoded = codec.decode(black_box(&mut input), &limits, &mut fields);
            let Ok(Decoded::Frame(envelope)) = decoded else {
                return Err(format!("{decoded:?}"));
            };
            before.clear();
            after.clear();
            let out = Around { before: &mut before, after: &mut after };
            codec.forward(black_box(&envelope), id, None, out).map_err(|error| error.reason.to_owned())?;
            black_box((&before, &after, &fields));
        }
        nanos += began.elapsed().as_nanos();
    }
    Ok(nanos as f64 / (BATCH * BATCHES) as f64)
}

//! What the fuzz targets share: second parsers to compare the codec with, and a way to cut input in pieces.

pub mod chunked;
pub mod rpc;
pub mod strict;

/// The ends of the pieces that `input` is cut into, drawn from the input itself so that a finding repeats. The last
/// end is the whole.
pub fn cuts(input: &[u8]) -> Vec<usize> {
    let seed = input
        .iter()
        .fold(input.len() as u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let (mut ends, mut at, mut state) = (Vec::new(), 0, seed);
    while at < input.len() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Mostly small pieces, now and then a large one.
        let most = if state >> 60 == 0 { 400 } else { 1 + (state >> 50) % 12 };
        at = (at + 1 + (state >> 33) as usize % most as usize).min(input.len());
        ends.push(at);
    }
    ends
}

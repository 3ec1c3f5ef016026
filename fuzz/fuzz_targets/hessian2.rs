//! Values of Hessian 2 and its draft: what was read can be written and read again, and comes out the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::hessian2::{Bounds, Containers, Decoder, Dialect, Encoder};

fuzz_target!(|input: &[u8]| {
    for dialect in [Dialect::V2, Dialect::Draft] {
        let Ok(values) = Decoder::new(input, dialect, Bounds::default()).rest() else { continue };
        let _ = Containers::of(&values);
        let mut encoder = Encoder::new(dialect);
        values.iter().for_each(|value| encoder.value(value));
        let written = encoder.finish();
        let again =
            Decoder::new(&written, dialect, Bounds { values: usize::MAX, ..Bounds::default() }).rest();
        // By their text: NaN differs from itself.
        assert_eq!(format!("{values:?}"), format!("{:?}", again.unwrap()));
    }
});

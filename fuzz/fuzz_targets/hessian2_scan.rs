//! The scanner of Hessian 2.0 goes through any bytes, and ends a value where the reader of whole values ends it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::hessian2::scan::Scanner;
use mecha_codec::hessian2::{Bounds, Decoder, Dialect};

fuzz_target!(|input: &[u8]| {
    let mut scanner = Scanner::new(input, 0);
    let mut decoder = Decoder::new(input, Dialect::V2, Bounds::default());
    while !scanner.is_at_end() && scanner.skip_value().is_ok() {
        assert!(scanner.position() <= input.len());
        // The reader asks for more than the scanner: text that is text, references to what was there.
        if decoder.value().is_err() {
            break;
        }
        assert_eq!(decoder.position(), scanner.position());
    }
    while scanner.skip_value().is_ok() {}
});

//! Frames of SOFA Bolt, both versions on one connection: what holds for every RPC codec.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::bolt::V1;
use mecha_fuzz::rpc;

fuzz_target!(|input: &[u8]| {
    rpc::check(&V1, input);
});

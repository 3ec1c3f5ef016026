//! Frames of TARS: what holds for every RPC codec, and of TARS that what came from a server is never a request of TUP.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mecha_codec::rpc::{Codec, Decoded, Kind, Limits};
use mecha_codec::tars::Tars;
use mecha_fuzz::rpc;

fuzz_target!(|input: &[u8]| {
    rpc::check(&Tars, input);
    let decoded = Tars.decode(&mut BytesMut::from(input), &Limits::default(), &mut Vec::new());
    if let Ok(Decoded::Frame(mut frame)) = decoded {
        Tars.received_from_server(&mut frame);
        assert!(frame.kind != Kind::Request || frame.serialization == 1);
    }
});

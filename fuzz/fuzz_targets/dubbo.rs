//! Frames of Dubbo: what holds for every RPC codec, and of Dubbo that fields written as they are change no byte.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mecha_codec::dubbo::Dubbo;
use mecha_codec::rpc::{Codec, Decoded, Limits};
use mecha_fuzz::rpc;

fuzz_target!(|input: &[u8]| {
    rpc::check(&Dubbo, input);
    let mut fields = Vec::new();
    let decoded = Dubbo.decode(&mut BytesMut::from(input), &Limits::default(), &mut fields);
    if let Ok(Decoded::Frame(frame)) = decoded {
        let written = rpc::send(&Dubbo, &frame, Some(&rpc::views(&frame, &fields)));
        assert_eq!(written.as_deref(), Some(&frame.raw[..]));
    }
});

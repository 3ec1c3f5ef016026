//! Frames of Dubbo-Thrift: what holds for every RPC codec, and that an answer of ours is one.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mecha_codec::dubbo_thrift::DubboThrift;
use mecha_codec::rpc::{Codec, Decoded, Kind, Limits};
use mecha_fuzz::rpc;

fuzz_target!(|input: &[u8]| {
    rpc::check(&DubboThrift, input);
    let mut fields = Vec::new();
    let decoded = DubboThrift.decode(&mut BytesMut::from(input), &Limits::default(), &mut fields);
    if let Ok(Decoded::Frame(frame)) = decoded {
        let mut out = BytesMut::new();
        DubboThrift.reply(&frame, 503, "busy", &mut out);
        match DubboThrift.decode(&mut out, &Limits::default(), &mut Vec::new()) {
            Ok(Decoded::Frame(answer)) => {
                assert_eq!((answer.id, answer.kind, answer.status), (frame.id, Kind::Response, 503));
            }
            other => panic!("no answer: {other:?}"),
        }
    }
});

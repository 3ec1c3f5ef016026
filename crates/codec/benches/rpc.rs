//! What a frame of an RPC protocol costs in instructions: decoded off a connection's buffer and forwarded under another
//! number, as it is and with a field changed. Run as `http1.rs` beside this one says.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is not called by anyone, and its input is its own"
)]

use std::hint::black_box;

use bytes::BytesMut;
use gungraun::{library_benchmark, library_benchmark_group, main};
use mecha_codec::bolt::{self, V1, V2};
use mecha_codec::dubbo::{Dubbo, build};
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Around, Codec, Decoded, Envelope, FieldView, Limits, Protocol, is_own, own_name};

/// A connection that has carried frames before: its lists and buffers have grown, and `input` holds the next frame.
struct Wire {
    codec: &'static dyn Codec,
    input: BytesMut,
    fields: Vec<Field>,
    before: BytesMut,
    after: BytesMut,
}

fn wire(codec: &'static dyn Codec, frame: &[u8]) -> Wire {
    let (before, after) = (BytesMut::with_capacity(4096), BytesMut::with_capacity(4096));
    let mut wire = Wire {
        codec,
        input: BytesMut::with_capacity(64 << 10),
        fields: Vec::with_capacity(32),
        before,
        after,
    };
    wire.input.extend_from_slice(frame);
    black_box(relay(&mut wire));
    wire.input.extend_from_slice(frame);
    wire
}

fn decode(wire: &mut Wire) -> Envelope {
    wire.fields.clear();
    match wire.codec.decode(black_box(&mut wire.input), &Limits::default(), &mut wire.fields) {
        Ok(Decoded::Frame(frame)) => frame,
        other => unreachable!("{other:?}"),
    }
}

fn relay(wire: &mut Wire) -> Envelope {
    let frame = decode(wire);
    wire.before.clear();
    wire.after.clear();
    let out = Around { before: &mut wire.before, after: &mut wire.after };
    wire.codec.forward(&frame, black_box(4711), None, out).unwrap();
    frame
}

/// The last field gets another value.
fn relay_changed(wire: &mut Wire) -> Envelope {
    let frame = decode(wire);
    let view = |field: &Field| {
        let own = is_own(field.name);
        let name = if own { own_name(field.name) } else { field.name.slice(&frame.raw) };
        FieldView { name, value: field.value.slice(&frame.raw), own }
    };
    let mut views: Vec<FieldView<'_>> = wire.fields.iter().map(view).collect();
    if let Some(last) = views.last_mut() {
        last.value = b"another";
    }
    wire.before.clear();
    wire.after.clear();
    let out = Around { before: &mut wire.before, after: &mut wire.after };
    wire.codec.forward(&frame, black_box(4711), Some(&views), out).unwrap();
    frame
}

/// A Dubbo request of 1 KiB: one argument of 700 bytes, six attachments as Java's consumer sends them.
fn dubbo() -> Wire {
    let mut argument = b"\x32\xbc".to_vec();
    argument.resize(2 + 700, b'a');
    let mut frame = BytesMut::new();
    build::Request {
        id: 1,
        one_way: false,
        dubbo_version: build::DUBBO_VERSION,
        service: "org.apache.dubbo.samples.api.GreetingsService",
        version: "1.0.0",
        method: "sayHello",
        parameter_types: "Ljava/lang/String;",
        arguments: &argument,
        attachments: &[
            (b"path", b"org.apache.dubbo.samples.api.GreetingsService"),
            (b"interface", b"org.apache.dubbo.samples.api.GreetingsService"),
            (b"version", b"1.0.0"),
            (b"group", b"blue"),
            (b"timeout", b"3000"),
            (b"remote.application", b"greetings-consumer"),
        ],
    }
    .write(&mut frame);
    wire(&Dubbo, &frame)
}

/// A Bolt request of 1 KiB as SOFARPC's Java client writes it: the header block names service and method. The content
/// is what makes it 1 KiB.
fn bolt(protocol: Protocol, checksum: bool) -> Wire {
    let request = bolt::Request {
        protocol,
        checksum,
        timeout: std::time::Duration::from_secs(3),
        class: b"com.alipay.sofa.rpc.core.request.SofaRequest",
        fields: &[
            (b"service", b"com.alipay.sofa.samples.GreetingsService:1.0"),
            (b"sofa_head_target_service", b"com.alipay.sofa.samples.GreetingsService:1.0"),
            (b"sofa_head_method_name", b"sayHello"),
            (b"rpc_trace_context.sofaTraceId", b"0a0fe8ec1530175110001100123456"),
            (b"rpc_trace_context.sofaRpcId", b"0"),
            (b"type", b"sync"),
        ],
        content: &[b'a'; 630],
        ..bolt::Request::default()
    };
    let mut frame = BytesMut::new();
    request.write(&mut frame).unwrap();
    wire(if protocol == Protocol::Bolt { &V1 } else { &V2 }, &frame)
}

#[library_benchmark]
#[bench::bolt(bolt(Protocol::Bolt, false))]
#[bench::boltv2_with_checksum(bolt(Protocol::BoltV2, true))]
#[bench::dubbo(dubbo())]
fn decode_and_forward(mut wire: Wire) -> (Wire, Envelope) {
    let frame = relay(&mut wire);
    (wire, frame)
}

#[library_benchmark]
#[bench::bolt(bolt(Protocol::Bolt, false))]
#[bench::boltv2_with_checksum(bolt(Protocol::BoltV2, true))]
#[bench::dubbo(dubbo())]
fn decode_change_and_forward(mut wire: Wire) -> (Wire, Envelope) {
    let frame = relay_changed(&mut wire);
    (wire, frame)
}

library_benchmark_group!(name = frames, benchmarks = [decode_and_forward, decode_change_and_forward]);
main!(library_benchmark_groups = [frames]);

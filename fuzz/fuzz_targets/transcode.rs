//! Conversions between HTTP and Dubbo or Bolt: a frame becomes an HTTP message or is refused, and a body becomes a frame
//! that the other end reads.
#![no_main]

use std::time::Duration;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mecha_codec::rpc::{Decoded, Kind, Limits, Protocol};
use mecha_config::filter::Conversion;
use mecha_filter::transcode::{request_to_http, request_to_rpc, response_to_http, response_to_rpc};
use mecha_http::{ResponseHead, StatusCode};
use mecha_rpc::head;

fuzz_target!(|input: &[u8]| {
    let conversion = Conversion::default();
    for protocol in [Protocol::Dubbo, Protocol::Bolt] {
        let mut fields = Vec::new();
        let decoded = protocol.codec().decode(&mut BytesMut::from(input), &Limits::default(), &mut fields);
        let Ok(Decoded::Frame(frame)) = decoded else { continue };
        match frame.kind {
            Kind::Response => {
                let _ = response_to_http(&head::response_head(frame, fields), &conversion);
            }
            Kind::Request | Kind::OneWay => {
                let answer = ResponseHead::new(StatusCode::OK);
                let _ = response_to_rpc(&answer, b"{\"a\": [1]}", &frame, &conversion);
                if let Ok((request, body)) = request_to_http(&head::request_head(frame, fields), &conversion)
                    && !request.authority.is_empty()
                {
                    // What it calls can be called again.
                    let _ = request_to_rpc(&request, &body, protocol, &conversion, Duration::ZERO);
                }
            }
            _ => {}
        }
    }
    // A body that is any JSON is read back as the same by the other direction.
    let rule =
        Conversion { service: Some("a.B".to_owned()), method: Some("m".to_owned()), ..Conversion::default() };
    let request = head::request_head(sample(), Vec::new());
    for protocol in [Protocol::Dubbo, Protocol::Bolt] {
        if let Ok(made) = request_to_rpc(&request, input, protocol, &rule, Duration::ZERO) {
            // JSON may be deeper than what is read of Hessian.
            if let Err(error) = request_to_http(&made, &conversion) {
                assert!(error.context().contains("levels"), "a request of our own is not read: {error}");
            }
        }
    }
});

/// A frame without fields, whose head stands in for that of any HTTP request.
fn sample() -> mecha_codec::rpc::Envelope {
    let mut frame = BytesMut::new();
    Protocol::Bolt.codec().heartbeat(1, &mut frame);
    match Protocol::Bolt.codec().decode(&mut frame, &Limits::default(), &mut Vec::new()) {
        Ok(Decoded::Frame(frame)) => frame,
        other => panic!("no frame: {other:?}"),
    }
}

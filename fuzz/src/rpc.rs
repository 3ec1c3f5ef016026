//! What holds for every RPC codec and any bytes.

use bytes::BytesMut;
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Around, Codec, Decoded, Envelope, FieldView, Limits, is_own, own_name};

/// Reads frames off `input`: none takes more than there is, spans lie within it, and unchanged it is sent as it came,
/// also with its fields written anew, after which it reads the same. A frame in parts waits for the rest.
pub fn check(codec: &dyn Codec, input: &[u8]) {
    let (mut buf, limits) = (BytesMut::from(input), Limits::default());
    loop {
        let (mut fields, offered) = (Vec::new(), buf.len());
        match codec.decode(&mut buf, &limits, &mut fields) {
            Err(error) => {
                if let Some(request) = error.request {
                    codec.reply(&request, error.status, "refused", &mut BytesMut::new());
                }
                return;
            }
            Ok(Decoded::More { need }) => {
                assert!(need > offered && need <= limits.frame && fields.is_empty() && buf.len() == offered);
                return;
            }
            Ok(Decoded::Frame(frame)) => {
                assert_eq!(frame.raw.len() + buf.len(), offered);
                check_frame(codec, &frame, &fields);
            }
        }
    }
}

fn check_frame(codec: &dyn Codec, frame: &Envelope, fields: &[Field]) {
    assert!(frame.payload.range().end <= frame.raw.len() && frame.fields_at.range().end <= frame.raw.len());
    assert_eq!(send(codec, frame, None), Some(frame.raw.to_vec()));
    for end in crate::cuts(&frame.raw).into_iter().filter(|end| *end < frame.raw.len()) {
        let part = codec.decode(&mut BytesMut::from(&frame.raw[..end]), &Limits::default(), &mut Vec::new());
        assert!(
            matches!(part, Ok(Decoded::More { need }) if need > end && need <= frame.raw.len()),
            "{part:?}"
        );
    }
    let views = views(frame, fields);
    if let Some(written) = send(codec, frame, Some(&views)) {
        let mut again = Vec::new();
        match codec.decode(&mut BytesMut::from(&written[..]), &Limits { frame: usize::MAX }, &mut again) {
            Ok(Decoded::Frame(other)) => {
                assert_eq!((other.kind, other.id, other.payload()), (frame.kind, frame.id, frame.payload()));
                assert_eq!(self::views(&other, &again), views);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The frame under its own number; `None` when its fields don't fit.
pub fn send(codec: &dyn Codec, frame: &Envelope, fields: Option<&[FieldView<'_>]>) -> Option<Vec<u8>> {
    let (mut before, mut after) = (BytesMut::new(), BytesMut::new());
    codec.forward(frame, frame.id, fields, Around { before: &mut before, after: &mut after }).ok()?;
    Some([&before, frame.payload(), &after].concat())
}

/// The fields of a frame as a codec is handed them.
pub fn views<'a>(frame: &'a Envelope, fields: &[Field]) -> Vec<FieldView<'a>> {
    let view = |field: &Field| {
        let own = is_own(field.name);
        let name = if own { own_name(field.name) } else { &frame.raw[field.name.range()] };
        FieldView { name, value: &frame.raw[field.value.range()], own }
    };
    fields.iter().map(view).collect()
}

//! What the tests of every RPC codec ask: frames of real peers come back byte for byte, any split waits, garbage is
//! survived, and lengths are refused before anybody waits for them.
//!
//! `goldens/<protocol>/*.bin` are frames as real peers wrote them, one a file.

use std::path::Path;

use bytes::{Bytes, BytesMut};

use super::{Around, Codec, Decoded, Envelope, FieldView, FrameError, Limits, is_own, own_name};
use crate::http1::{Field, Span};

/// The frames of a folder with their names.
///
/// # Panics
/// When the folder is missing or empty: a test without frames tests nothing.
pub(crate) fn goldens(folder: &str) -> Vec<(String, Bytes)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(folder);
    let mut frames: Vec<_> = std::fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| (path.file_name().unwrap().display().to_string(), std::fs::read(&path).unwrap().into()))
        .collect();
    assert!(!frames.is_empty(), "{} holds no frames", path.display());
    frames.sort();
    frames
}

/// The bytes of a span of a name or value.
pub(crate) fn bytes(raw: &[u8], span: Span) -> &[u8] {
    if is_own(span) { own_name(span) } else { raw.get(span.range()).expect("a span inside the frame") }
}

/// Reads one frame, which must be all of `input`.
#[track_caller]
pub(crate) fn decode(codec: &dyn Codec, input: &[u8]) -> (Envelope, Vec<Field>) {
    let mut buf = BytesMut::from(input);
    let mut fields = Vec::new();
    match codec.decode(&mut buf, &Limits::default(), &mut fields) {
        Ok(Decoded::Frame(frame)) => {
            assert!(buf.is_empty(), "{} bytes are left", buf.len());
            assert_eq!(&frame.raw[..], input);
            (frame, fields)
        }
        other => panic!("no frame: {other:?}"),
    }
}

/// What decoding says of bytes that must not be a frame.
#[track_caller]
pub(crate) fn refused(codec: &dyn Codec, input: &[u8], limits: Limits) -> FrameError {
    match codec.decode(&mut BytesMut::from(input), &limits, &mut Vec::new()) {
        Err(error) => error,
        other => panic!("not refused: {other:?}"),
    }
}

/// Fields as a codec is handed them.
pub(crate) fn views<'a>(raw: &'a [u8], fields: &[Field]) -> Vec<FieldView<'a>> {
    let view = |field: &Field| FieldView {
        name: bytes(raw, field.name),
        value: bytes(raw, field.value),
        own: is_own(field.name),
    };
    fields.iter().map(view).collect()
}

/// Fields as text: name, value.
pub(crate) fn texts(raw: &[u8], fields: &[Field]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    views(raw, fields).iter().map(|field| (text(field.name), text(field.value))).collect()
}

/// The frame under another number, behind bytes that were there before.
pub(crate) fn forward(
    codec: &dyn Codec,
    frame: &Envelope,
    id: u64,
    fields: Option<&[FieldView<'_>]>,
) -> Result<Vec<u8>, FrameError> {
    let (mut before, mut after) = (BytesMut::from(&b"earlier"[..]), BytesMut::from(&b"later"[..]));
    let written = codec.forward(frame, id, fields, Around { before: &mut before, after: &mut after });
    let before = before.strip_prefix(b"earlier").expect("what was there stays");
    let after = after.strip_prefix(b"later").expect("what was there stays");
    match written {
        Ok(()) => Ok([before, frame.payload(), after].concat()),
        Err(error) => {
            assert!(before.is_empty() && after.is_empty(), "nothing is written when it fails");
            Err(error)
        }
    }
}

/// A frame of a real peer: forwarded under its own number it is the same; under another it is told apart by that
/// alone; with its own fields written anew it reads the same; and it may come in any two pieces.
#[track_caller]
pub(crate) fn assert_golden(codec: &dyn Codec, input: &[u8]) {
    let (frame, fields) = decode(codec, input);
    assert_within(&frame, &fields);
    assert_eq!(forward(codec, &frame, frame.id, None).unwrap(), input, "byte for byte");

    let id = frame.id ^ 0x0102_0304;
    let renumbered = forward(codec, &frame, id, None).unwrap();
    let (other, other_fields) = decode(codec, &renumbered);
    assert_eq!(other.id, id);
    assert_same(&frame, &fields, &other, &other_fields);
    assert_eq!(forward(codec, &other, frame.id, None).unwrap(), input, "and back");

    let written = forward(codec, &frame, frame.id, Some(&views(&frame.raw, &fields))).unwrap();
    let (other, other_fields) = decode(codec, &written);
    assert_eq!(other.id, frame.id);
    assert_same(&frame, &fields, &other, &other_fields);

    assert_every_split(codec, input);
}

/// Any part of a frame waits, for more bytes than it was offered and no more than the frame has; what follows a frame
/// stays.
#[track_caller]
pub(crate) fn assert_every_split(codec: &dyn Codec, input: &[u8]) {
    let limits = Limits { frame: input.len() };
    for end in 0..input.len() {
        let mut buf = BytesMut::from(&input[..end]);
        let mut fields = Vec::new();
        match codec.decode(&mut buf, &limits, &mut fields) {
            Ok(Decoded::More { need }) => {
                assert!(need > end && need <= input.len(), "needs {need} at {end} of {}", input.len());
            }
            other => panic!("{end} of {} bytes: {other:?}", input.len()),
        }
        assert!(fields.is_empty());
        assert_eq!(buf, input[..end], "nothing is taken");
    }
    let mut buf = BytesMut::from(&[input, input, &input[..1]].concat()[..]);
    for left in [input.len() + 1, 1] {
        let frame = codec.decode(&mut buf, &limits, &mut Vec::new());
        assert!(matches!(frame, Ok(Decoded::Frame(_))), "{frame:?}");
        assert_eq!(buf.len(), left);
    }
}

/// Bytes that need not be frames: what is read of them lies inside them, and can be written again.
#[track_caller]
pub(crate) fn assert_survives(codec: &dyn Codec, input: &[u8], limits: &Limits) {
    let mut buf = BytesMut::from(input);
    loop {
        let mut fields = Vec::new();
        match codec.decode(&mut buf, limits, &mut fields) {
            Err(error) => {
                if let Some(request) = error.request {
                    codec.reply(&request, 413, "too large", &mut BytesMut::new());
                }
                return;
            }
            Ok(Decoded::More { need }) => {
                assert!(need > buf.len() && need <= limits.frame, "needs {need} at {}", buf.len());
                return;
            }
            Ok(Decoded::Frame(frame)) => {
                assert!(!frame.raw.is_empty() && frame.raw.len() <= limits.frame);
                assert_within(&frame, &fields);
                assert_eq!(forward(codec, &frame, frame.id, None).unwrap(), &frame.raw[..]);
                // Fields may be too long to be written again, but never in vain.
                let _ = forward(codec, &frame, frame.id, Some(&views(&frame.raw, &fields)));
                codec.reply(&frame, 503, "text", &mut BytesMut::new());
                codec.heartbeat_ack(&frame, &mut BytesMut::new());
            }
        }
    }
}

/// A frame with each byte in turn set to what breaks lengths and types most.
#[track_caller]
pub(crate) fn assert_survives_changes(codec: &dyn Codec, input: &[u8]) {
    let limits = Limits { frame: input.len() + 64 };
    for at in 0..input.len().min(512) {
        for byte in [0, 1, 2, 0x7f, 0x80, 0xff, input[at] ^ 1, input[at].wrapping_add(1)] {
            let mut changed = input.to_vec();
            changed[at] = byte;
            assert_survives(codec, &changed, &limits);
        }
    }
}

#[track_caller]
fn assert_within(frame: &Envelope, fields: &[Field]) {
    let end = frame.raw.len();
    assert!(frame.payload.range().end <= end && frame.fields_at.range().end <= end, "{frame:?}");
    for field in fields {
        let (name, value) = (bytes(&frame.raw, field.name), bytes(&frame.raw, field.value));
        assert!(!is_own(field.value) && name.len() + value.len() <= end);
    }
}

/// Whether two frames say the same but for their numbers. Fields may stand elsewhere.
#[track_caller]
fn assert_same(one: &Envelope, fields: &[Field], other: &Envelope, other_fields: &[Field]) {
    assert_eq!(one.payload(), other.payload());
    assert_eq!((one.kind, one.protocol), (other.kind, other.protocol));
    assert_eq!((one.status, one.code, one.timeout), (other.status, other.code, other.timeout));
    assert_eq!(one.serialization, other.serialization);
    assert_eq!(texts(&one.raw, fields), texts(&other.raw, other_fields));
}

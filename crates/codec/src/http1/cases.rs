//! The framing cases: whole messages with the outcome each must have. Every case is fed at once, byte by byte, and
//! split in two at every place, and has to end the same way.
//!
//! The tables are data, one file per part of a message; a new case is a new line.

mod chunked;
mod head;
mod length;
mod limits;
mod response;
mod target;

use bytes::BytesMut;

use super::*;

/// One message and how it must end.
struct Case {
    name: &'static str,
    input: &'static [u8],
    want: Want,
}

#[derive(Clone, Copy)]
enum Want {
    /// Summary of the head, the body with its trailers, and the bytes that belong to the next message.
    Pass(&'static str, &'static str, &'static str),
    /// Status, and a part of the reason, so that a case fails for the rule that it breaks.
    Fail(u16, &'static str),
    /// The message is not complete.
    More,
}
use Want::{Fail, More, Pass};

const fn case(name: &'static str, input: &'static [u8], want: Want) -> Case {
    Case { name, input, want }
}

/// Which parser a table is for.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    Response(RequestKind),
}

/// Reads one message from an input that arrives in pieces.
struct Reader<'a> {
    kind: Kind,
    limits: &'a Limits,
    buf: BytesMut,
    scan: Scan,
    fields: Vec<Field>,
    head: Option<String>,
    body: BodyDecoder,
    data: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Done { head: String, data: String, rest: String },
    Error(ParseError),
    More,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl<'a> Reader<'a> {
    fn new(kind: Kind, limits: &'a Limits) -> Self {
        Self {
            kind,
            limits,
            buf: BytesMut::new(),
            scan: Scan::default(),
            fields: Vec::new(),
            head: None,
            body: BodyDecoder::default(),
            data: Vec::new(),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Outcome {
        self.buf.extend_from_slice(bytes);
        self.read().unwrap_or_else(Outcome::Error)
    }

    fn read(&mut self) -> Result<Outcome, ParseError> {
        if self.head.is_none() {
            let Some((head_len, length, summary)) = self.parse_head()? else { return Ok(Outcome::More) };
            let _ = self.buf.split_to(head_len);
            self.body = BodyDecoder::new(length);
            self.head = Some(summary);
        }
        loop {
            match self.body.decode(&mut self.buf, self.limits)? {
                Decoded::Data(data) => self.data.extend_from_slice(&data),
                Decoded::Trailers { block, fields } => {
                    self.data.extend_from_slice(list(&block, &fields).as_bytes())
                }
                Decoded::More => return Ok(Outcome::More),
                Decoded::End => return Ok(self.done()),
            }
        }
    }

    /// The peer has sent its last byte.
    fn close(&mut self) -> Outcome {
        if self.head.is_some() && self.body.on_eof().is_ok() { self.done() } else { Outcome::More }
    }

    fn done(&self) -> Outcome {
        let head = self.head.clone().unwrap_or_default();
        Outcome::Done { head, data: text(&self.data), rest: text(&self.buf) }
    }

    fn parse_head(&mut self) -> Result<Option<(usize, BodyLength, String)>, ParseError> {
        let flag = |set: bool, name: &'static str| if set { name } else { "" };
        let buf = &self.buf;
        match self.kind {
            Kind::Request => {
                let line = parse_request(buf, &mut self.scan, self.limits, &mut self.fields)?;
                Ok(line.map(|line| {
                    let (method, target) = (text(line.method.slice(buf)), text(line.target.slice(buf)));
                    let flags = [
                        flag(line.keep_alive, " keep"),
                        flag(line.expect_continue, " expect"),
                        flag(line.upgrade, " upgrade"),
                        flag(line.connection_nominates, " nominates"),
                        flag(line.te_trailers, " te"),
                    ];
                    let (version, fields) = (line.version, list(buf, &self.fields));
                    let summary = format!("{method} {target} {version:?}{}{fields}", flags.concat());
                    (line.head_len, line.body, summary)
                }))
            }
            Kind::Response(for_method) => {
                let line = parse_response(buf, &mut self.scan, self.limits, for_method, &mut self.fields)?;
                Ok(line.map(|line| {
                    let flags = [
                        flag(line.keep_alive, " keep"),
                        flag(line.upgrade, " upgrade"),
                        flag(line.connection_nominates, " nominates"),
                        flag(line.body == BodyLength::UntilClose, " until-close"),
                    ];
                    let (status, version, reason) = (line.status, line.version, text(line.reason.slice(buf)));
                    let fields = list(buf, &self.fields);
                    let summary = format!("{status} {reason:?} {version:?}{}{fields}", flags.concat());
                    (line.head_len, line.body, summary)
                }))
            }
        }
    }
}

/// Fields as `|name:value`, in order and in their own case.
fn list(block: &[u8], fields: &[Field]) -> String {
    let field =
        |field: &Field| format!("|{}:{}", text(field.name.slice(block)), text(field.value.slice(block)));
    fields.iter().map(field).collect()
}

/// Feeds the pieces in order and stops where the verdict falls; what was not fed belongs to the rest.
fn outcome<'a>(kind: Kind, limits: &Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = Reader::new(kind, limits);
    let mut last = Outcome::More;
    for piece in pieces {
        match &mut last {
            Outcome::More => last = reader.feed(piece),
            Outcome::Done { rest, .. } => rest.push_str(&text(piece)),
            Outcome::Error(_) => break,
        }
    }
    if last == Outcome::More { reader.close() } else { last }
}

fn check(kind: Kind, limits: &Limits, cases: &[Case]) {
    for case in cases {
        let whole = outcome(kind, limits, std::iter::once(case.input));
        match (case.want, &whole) {
            (Pass(head, data, rest), Outcome::Done { .. }) => {
                let want = Outcome::Done { head: head.into(), data: data.into(), rest: rest.into() };
                assert_eq!(whole, want, "{}", case.name);
            }
            (Fail(status, reason), Outcome::Error(error)) => {
                assert_eq!(error.status, status, "{}: {error}", case.name);
                assert!(error.reason.contains(reason), "{}: {error}", case.name);
            }
            (More, Outcome::More) => {}
            (_, other) => panic!("{}: {other:?}", case.name),
        }
        assert_eq!(outcome(kind, limits, case.input.chunks(1)), whole, "{}: byte by byte", case.name);
        for at in 1..case.input.len() {
            let (first, second) = case.input.split_at(at);
            let split = outcome(kind, limits, [first, second].into_iter());
            assert_eq!(split, whole, "{}: split at {at}", case.name);
        }
    }
}

#[test]
fn request_heads() {
    check(Kind::Request, &Limits::default(), head::CASES);
}

#[test]
fn request_targets_and_hosts() {
    check(Kind::Request, &Limits::default(), target::CASES);
}

#[test]
fn request_body_lengths() {
    check(Kind::Request, &Limits::default(), length::CASES);
}

#[test]
fn chunked_bodies() {
    check(Kind::Request, &Limits::default(), chunked::CASES);
}

#[test]
fn responses() {
    let limits = Limits::default();
    check(Kind::Response(RequestKind::Other), &limits, response::CASES);
    check(Kind::Response(RequestKind::Head), &limits, response::HEAD_CASES);
    check(Kind::Response(RequestKind::Connect), &limits, response::CONNECT_CASES);
}

#[test]
fn limits_hold_while_bytes_arrive() {
    check(Kind::Request, &limits::SMALL, limits::CASES);
    check(Kind::Response(RequestKind::Other), &limits::SMALL, limits::RESPONSE_CASES);
}

//! Frames of our own making: whole requests and responses for whoever converts other protocols to Bolt, and the frames
//! that consist of a head alone.

use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::head::{self, REQUEST, RESPONSE, TYPE_ONE_WAY, TYPE_REQUEST, TYPE_RESPONSE};
use crate::rpc::{Envelope, FrameError, Protocol};

/// The number of Hessian 2 among serializations.
pub const HESSIAN2: u8 = 1;

/// The longest class name and block of fields that are written, in bytes. The lengths have 16 bits, but SOFABolt and
/// sofa-bolt-node read them as signed numbers.
pub const LONGEST_PART: usize = i16::MAX as usize;

/// A request to be written.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// [`Protocol::Bolt`] or [`Protocol::BoltV2`].
    pub protocol: Protocol,
    /// Whether the frame ends in a checksum; only version 2 can.
    pub checksum: bool,
    /// Whether no answer is wanted.
    pub one_way: bool,
    /// Its number; the lower 32 bits count.
    pub id: u64,
    /// The number of the content's serialization.
    pub serialization: u8,
    /// How long its sender waits; zero = not said. In milliseconds at most `i32::MAX`.
    pub timeout: Duration,
    /// The class of the content.
    pub class: &'a [u8],
    /// The fields, names and values.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// What belongs to the application.
    pub content: &'a [u8],
}

impl Default for Request<'_> {
    /// An empty one of version 1 in Hessian 2, numbered 0.
    fn default() -> Self {
        Request {
            protocol: Protocol::Bolt,
            checksum: false,
            one_way: false,
            id: 0,
            serialization: HESSIAN2,
            timeout: Duration::ZERO,
            class: b"",
            fields: &[],
            content: b"",
        }
    }
}

impl Request<'_> {
    /// Appends the frame.
    ///
    /// # Errors
    /// When class, fields or content don't fit into the frame's lengths; nothing is appended then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        let timeout = i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX);
        let start = Start {
            protocol: self.protocol,
            version: 1 + u8::from(self.checksum),
            switch: self.checksum.into(),
            kind: if self.one_way { TYPE_ONE_WAY } else { TYPE_REQUEST },
            command: REQUEST,
            id: self.id,
            serialization: self.serialization,
            word: Word::Timeout(timeout),
        };
        start.write_whole(self.class, self.fields, self.content, out)
    }
}

/// A response to be written.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// [`Protocol::Bolt`] or [`Protocol::BoltV2`].
    pub protocol: Protocol,
    /// Whether the frame ends in a checksum; only version 2 can.
    pub checksum: bool,
    /// The number of the request that it answers; the lower 32 bits count.
    pub id: u64,
    /// The number of the content's serialization.
    pub serialization: u8,
    /// Bolt's status; 0 is success.
    pub status: u16,
    /// The class of the content.
    pub class: &'a [u8],
    /// The fields, names and values.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// What belongs to the application.
    pub content: &'a [u8],
}

impl Default for Response<'_> {
    /// An empty one of version 1 in Hessian 2 that answers the request 0 with success.
    fn default() -> Self {
        Response {
            protocol: Protocol::Bolt,
            checksum: false,
            id: 0,
            serialization: HESSIAN2,
            status: 0,
            class: b"",
            fields: &[],
            content: b"",
        }
    }
}

impl<'a> Response<'a> {
    /// An empty response to `request`: its version, checksum, number and serialization, status 0.
    pub fn to(request: &Envelope) -> Self {
        Response {
            protocol: request.protocol,
            checksum: head::has_checksum(request),
            id: request.id,
            serialization: request.serialization,
            ..Response::default()
        }
    }

    /// Appends the frame.
    ///
    /// # Errors
    /// When class, fields or content don't fit into the frame's lengths; nothing is appended then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        let start = Start {
            protocol: self.protocol,
            version: 1 + u8::from(self.checksum),
            switch: self.checksum.into(),
            kind: TYPE_RESPONSE,
            command: RESPONSE,
            id: self.id,
            serialization: self.serialization,
            word: Word::Status(self.status),
        };
        start.write_whole(self.class, self.fields, self.content, out)
    }
}

/// What requests have a timeout for, and responses a status.
enum Word {
    Timeout(i32),
    Status(u16),
}

/// The head of a frame up to its lengths.
pub(super) struct Start {
    protocol: Protocol,
    /// The version within version 2, and its switches.
    version: u8,
    switch: u8,
    kind: u8,
    command: u16,
    id: u64,
    serialization: u8,
    word: Word,
}

impl Start {
    /// A command that is a head alone.
    pub(super) fn command(protocol: Protocol, command: u16, id: u64) -> Self {
        Start {
            protocol,
            version: 1,
            switch: 0,
            kind: TYPE_REQUEST,
            command,
            id,
            serialization: HESSIAN2,
            word: Word::Timeout(0),
        }
    }

    /// An answer that is a head alone. It has a checksum when what it answers has one.
    pub(super) fn answer(to: &Envelope, command: u16, status: u16) -> Self {
        Start {
            protocol: to.protocol,
            version: to.raw.get(1).copied().unwrap_or(1),
            switch: head::has_checksum(to).into(),
            kind: TYPE_RESPONSE,
            command,
            id: to.id,
            serialization: to.serialization,
            word: Word::Status(status),
        }
    }

    /// Appends the head as a whole frame.
    pub(super) fn write(&self, out: &mut BytesMut) {
        let at = out.len();
        self.put(out);
        out.put_bytes(0, head::LENGTHS);
        self.put_checksum(at, out);
    }

    fn write_whole(
        &self,
        class: &[u8],
        fields: &[(&[u8], &[u8])],
        content: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        let block: usize = fields.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
        let length = |len: usize| u16::try_from(len).ok().filter(|_| len <= LONGEST_PART);
        let (Some(class_len), Some(block_len)) = (length(class.len()), length(block)) else {
            return Err(TOO_LONG);
        };
        let content_len = i32::try_from(content.len())
            .map_err(|_| FrameError::new("the content is too long for a Bolt frame"))?;
        let at = out.len();
        out.reserve(32 + class.len() + block + content.len());
        self.put(out);
        out.put_u16(class_len);
        out.put_u16(block_len);
        out.put_i32(content_len);
        out.extend_from_slice(class);
        for (name, value) in fields {
            put_pair(name, value, out);
        }
        out.extend_from_slice(content);
        self.put_checksum(at, out);
        Ok(())
    }

    fn put(&self, out: &mut BytesMut) {
        let is_second = self.protocol == Protocol::BoltV2;
        out.put_u8(head::code(self.protocol));
        if is_second {
            out.put_u8(self.version);
        }
        out.put_u8(self.kind);
        out.put_u16(self.command);
        out.put_u8(1);
        out.put_u32(self.id as u32);
        out.put_u8(self.serialization);
        if is_second {
            out.put_u8(self.switch);
        }
        match self.word {
            Word::Timeout(millis) => out.put_i32(millis),
            Word::Status(status) => out.put_u16(status),
        }
    }

    fn put_checksum(&self, at: usize, out: &mut BytesMut) {
        if self.protocol == Protocol::BoltV2 && self.switch == 1 {
            out.put_u32(crc32fast::hash(out.get(at..).unwrap_or_default()));
        }
    }
}

pub(super) const TOO_LONG: FrameError =
    FrameError::new("the class or the fields are too long for a Bolt frame: at most 32767 bytes each");

/// Appends a field as blocks hold it. Its parts are shorter than [`LONGEST_PART`], or the block is refused.
pub(super) fn put_pair(name: &[u8], value: &[u8], out: &mut BytesMut) {
    for part in [name, value] {
        out.put_u32(part.len() as u32);
        out.extend_from_slice(part);
    }
}

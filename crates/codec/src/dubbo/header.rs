//! The 16 bytes in front of every body: magic, flags with the serialisation, status, number, length.

use bytes::{BufMut, BytesMut};

use super::{HESSIAN2, MAGIC};

/// How many bytes it has.
pub(super) const SIZE: usize = 16;
/// Where the number stands.
pub(super) const ID_AT: usize = 4;
/// Where the length of the body stands.
pub(super) const LENGTH_AT: usize = 12;

pub(super) const REQUEST: u8 = 0x80;
pub(super) const TWO_WAY: u8 = 0x40;
pub(super) const EVENT: u8 = 0x20;
const SERIALIZATION: u8 = 0x1f;

/// The status of a response that holds a value or an exception.
pub(super) const OK: u8 = 20;

#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) flags: u8,
    pub(super) status: u8,
    pub(super) id: u64,
    /// The bytes of the body.
    pub(super) length: u32,
}

impl Header {
    /// `None` when the magic is another.
    pub(super) fn read(bytes: &[u8; SIZE]) -> Option<Self> {
        let [m0, m1, flags, status, i0, i1, i2, i3, i4, i5, i6, i7, l0, l1, l2, l3] = *bytes;
        ([m0, m1] == MAGIC).then_some(Header {
            flags,
            status,
            id: u64::from_be_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }

    pub(super) fn is_request(self) -> bool {
        self.flags & REQUEST != 0
    }

    pub(super) fn is_two_way(self) -> bool {
        self.flags & TWO_WAY != 0
    }

    pub(super) fn is_event(self) -> bool {
        self.flags & EVENT != 0
    }

    pub(super) fn serialization(self) -> u8 {
        self.flags & SERIALIZATION
    }
}

/// Writes a frame of ours: a head, then whatever `body` writes. `flags` come without the serialisation, which is
/// Hessian 2.0.
pub(super) fn write(flags: u8, status: u8, id: u64, out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    write_as(HESSIAN2, flags, status, id, out, body);
}

/// The same in another serialisation.
pub(super) fn write_as(
    serialization: u8,
    flags: u8,
    status: u8,
    id: u64,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut),
) {
    let start = out.len();
    out.put_slice(&MAGIC);
    out.put_u8(flags | serialization & SERIALIZATION);
    out.put_u8(status);
    out.put_u64(id);
    out.put_u32(0);
    body(out);
    let length = u32::try_from(out.len() - start - SIZE).unwrap_or(u32::MAX);
    patch(out, start + LENGTH_AT, &length.to_be_bytes());
}

/// Overwrites bytes that were written before.
pub(super) fn patch(out: &mut BytesMut, at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// What a status of Dubbo's means in HTTP.
pub(super) fn http_status(status: u8) -> u16 {
    match status {
        OK => 200,
        // The consumer's and the provider's timeout.
        30 | 31 => 504,
        // The connection is gone; a bad response.
        35 | 50 => 502,
        // A bad request.
        40 => 400,
        // No such service.
        60 => 404,
        // The provider's threads are exhausted.
        100 => 503,
        _ => 500,
    }
}

/// Dubbo's status for one of HTTP (MOSN reference 2.3).
pub(super) fn dubbo_status(status: u16) -> u8 {
    match status {
        200 => OK,
        404 | 502 => 60,
        503 | 509 => 40,
        504 => 30,
        403 => 80,
        _ => 70,
    }
}

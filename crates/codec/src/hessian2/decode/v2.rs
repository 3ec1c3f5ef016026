//! What Hessian 2.0 spells otherwise than its draft.

use std::sync::Arc;

use super::{Decoder, Read};
use crate::hessian2::value::Value;

impl Decoder<'_> {
    pub(super) fn value_v2(&mut self, tag: u8, depth: usize) -> Read<Value> {
        let small = |first: u8| Some(usize::from(tag - first));
        match tag {
            0x30..=0x33 | b'R' => self.string(tag).map(Value::String),
            0x34..=0x37 | b'A' => self.binary(tag).map(Value::Binary),
            b'Y' => Ok(Value::Long(i64::from(i32::from_be_bytes(self.take()?)))),
            0x5b => Ok(Value::Double(0.0)),
            0x5c => Ok(Value::Double(1.0)),
            0x5d => Ok(Value::Double(f64::from(i8::from_be_bytes(self.take()?)))),
            0x5e => Ok(Value::Double(f64::from(i16::from_be_bytes(self.take()?)))),
            // The specification says a float; every implementation writes thousandths.
            0x5f => Ok(Value::Double(f64::from(i32::from_be_bytes(self.take()?)) / 1000.0)),
            b'J' => Ok(Value::Date(i64::from_be_bytes(self.take()?))),
            b'K' => Ok(Value::Date(i64::from(i32::from_be_bytes(self.take()?)) * 60_000)),
            b'U' => self.typed(None, depth),
            b'V' => {
                let kind = self.type_v2()?;
                let len = self.number()?;
                self.list(Some(kind), Some(len), b'Z', depth)
            }
            b'W' => self.list(None, None, b'Z', depth),
            b'X' => {
                let len = self.number()?;
                self.list(None, Some(len), b'Z', depth)
            }
            0x70..=0x77 => self.typed(small(0x70), depth),
            0x78..=0x7f => self.list(None, small(0x78), b'Z', depth),
            b'H' => self.map(None, b'Z', depth),
            b'M' => {
                let kind = self.type_v2()?;
                self.map(Some(kind).filter(|kind| !kind.is_empty()), b'Z', depth)
            }
            b'O' => {
                let class = self.number()?;
                self.object(class, depth)
            }
            0x60..=0x6f => self.object(usize::from(tag - 0x60), depth),
            b'Q' => {
                let number = self.number()?;
                self.reference(number)
            }
            _ => Err(self.wrong("a byte that begins no value")),
        }
    }

    pub(super) fn class_v2(&mut self) -> Read<()> {
        let tag = self.byte()?;
        let name = self.string(tag)?;
        self.class(name)
    }

    fn typed(&mut self, len: Option<usize>, depth: usize) -> Read<Value> {
        let kind = self.type_v2()?;
        self.list(Some(kind), len, b'Z', depth)
    }

    /// A type's name, or the number of one that was named before.
    fn type_v2(&mut self) -> Read<Arc<str>> {
        let tag = self.byte()?;
        if matches!(tag, 0x80..=0xd7 | b'I') {
            let number = self.int(tag)?;
            return self.known_type(usize::try_from(number).unwrap_or(usize::MAX));
        }
        let name = self.string(tag)?;
        self.new_type(name)
    }
}

//! What the draft of Hessian 2 spells otherwise than the published form.

use std::sync::Arc;

use super::{Decoder, Read};
use crate::hessian2::value::Value;

impl Decoder<'_> {
    pub(super) fn value_draft(&mut self, tag: u8, depth: usize) -> Read<Value> {
        match tag {
            b's' => self.string(tag).map(Value::String),
            b'b' => self.binary(tag).map(Value::Binary),
            b'w' => Ok(Value::Long(i64::from(i32::from_be_bytes(self.take()?)))),
            b'g' => Ok(Value::Double(0.0)),
            b'h' => Ok(Value::Double(1.0)),
            b'i' => Ok(Value::Double(f64::from(i8::from_be_bytes(self.take()?)))),
            b'j' => Ok(Value::Double(f64::from(i16::from_be_bytes(self.take()?)))),
            b'k' => Ok(Value::Double(f64::from(f32::from_be_bytes(self.take()?)))),
            b'd' => Ok(Value::Date(i64::from_be_bytes(self.take()?))),
            b'V' => {
                let kind = self.type_draft()?;
                self.skip_length()?;
                self.list(kind, None, b'z', depth)
            }
            b'v' => {
                let number = self.number()?;
                let kind = self.known_type(number)?;
                let len = self.number()?;
                self.list(Some(kind), Some(len), b'z', depth)
            }
            b'M' => {
                let kind = self.type_draft()?;
                self.map(kind, b'z', depth)
            }
            b'o' => {
                let class = self.number()?;
                self.object(class, depth)
            }
            b'J' => {
                let number = usize::from(self.byte()?);
                self.reference(number)
            }
            b'K' => {
                let number = usize::from(u16::from_be_bytes(self.take()?));
                self.reference(number)
            }
            b'R' => {
                let number = u32::from_be_bytes(self.take()?);
                self.reference(usize::try_from(number).unwrap_or(usize::MAX))
            }
            _ => Err(self.wrong("a byte that begins no value")),
        }
    }

    pub(super) fn class_draft(&mut self) -> Read<()> {
        let units = self.number()?;
        let mut name = String::new();
        self.units(&mut name, units)?;
        self.class(name)
    }

    /// A type's name, or the number of one that was named before, where there is one.
    fn type_draft(&mut self) -> Read<Option<Arc<str>>> {
        match self.peek() {
            Some(b't') => {
                let [_, high, low] = self.take()?;
                let mut name = String::new();
                self.units(&mut name, usize::from(u16::from_be_bytes([high, low])))?;
                let name = self.new_type(name)?;
                Ok(Some(name).filter(|name| !name.is_empty()))
            }
            Some(b'u') => {
                self.byte()?;
                let number = self.number()?;
                self.known_type(number).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// How long a list is going to be; its end is marked all the same.
    fn skip_length(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'l') => self.take::<5>().map(|_| ()),
            Some(b'n') => self.take::<2>().map(|_| ()),
            _ => Ok(()),
        }
    }
}

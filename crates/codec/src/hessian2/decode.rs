//! Bytes to values. What the bytes claim is bounded before memory is taken for it: lengths by the bytes that are left,
//! nesting and the number of values by [`Bounds`].

use std::sync::Arc;

use super::text::skip_units;
use super::value::{Class, Dialect, Invalid, List, Map, Object, Value};

mod draft;
mod text;
mod v2;

/// How much a stream may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lists, maps and objects within each other.
    pub depth: usize,
    /// Values, classes, fields of classes and types together.
    pub values: usize,
}

impl Default for Bounds {
    /// 100 levels, which JSON's readers and writers can follow too, and 262,144 values: about 13 MiB of them.
    fn default() -> Self {
        Bounds { depth: 100, values: 1 << 18 }
    }
}

/// Reads the values of a stream one after the other.
#[derive(Debug)]
pub struct Decoder<'i> {
    input: &'i [u8],
    at: usize,
    dialect: Dialect,
    bounds: Bounds,
    classes: Vec<Arc<Class>>,
    types: Vec<Arc<str>>,
    /// Lists, maps and objects so far.
    containers: u32,
    values: usize,
}

type Read<T> = Result<T, Invalid>;

impl<'i> Decoder<'i> {
    /// A reader at the beginning of a stream.
    pub fn new(input: &'i [u8], dialect: Dialect, bounds: Bounds) -> Self {
        let (classes, types) = (Vec::new(), Vec::new());
        Decoder { input, at: 0, dialect, bounds, classes, types, containers: 0, values: 0 }
    }

    /// Whether every byte was read.
    pub fn is_done(&self) -> bool {
        self.at >= self.input.len()
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next value.
    ///
    /// # Errors
    /// When the bytes are no value, or go beyond the bounds; what follows can't be read either.
    pub fn value(&mut self) -> Read<Value> {
        self.read(0)
    }

    /// Every value that is left.
    ///
    /// # Errors
    /// As [`Decoder::value`].
    pub fn rest(&mut self) -> Read<Vec<Value>> {
        let mut found = Vec::new();
        while !self.is_done() {
            found.push(self.value()?);
        }
        Ok(found)
    }

    fn read(&mut self, depth: usize) -> Read<Value> {
        self.count(1)?;
        // A class may be defined before any value; then the value itself follows.
        let tag = loop {
            let tag = self.byte()?;
            match (self.dialect, tag) {
                (Dialect::V2, b'C') => self.class_v2()?,
                (Dialect::Draft, b'O') => self.class_draft()?,
                _ => break tag,
            }
        };
        match self.plain(tag)? {
            Some(value) => Ok(value),
            None => match self.dialect {
                Dialect::V2 => self.value_v2(tag, depth),
                Dialect::Draft => self.value_draft(tag, depth),
            },
        }
    }

    /// What both dialects spell alike.
    fn plain(&mut self, tag: u8) -> Read<Option<Value>> {
        Ok(Some(match tag {
            b'N' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            0x80..=0xd7 | b'I' => Value::Int(self.int(tag)?),
            0xd8..=0xef => Value::Long(i64::from(tag) - 0xe0),
            0xf0..=0xff => Value::Long(((i64::from(tag) - 0xf8) << 8) + i64::from(self.byte()?)),
            0x38..=0x3f => {
                let [high, low] = self.take()?;
                Value::Long(((i64::from(tag) - 0x3c) << 16) + i64::from(u16::from_be_bytes([high, low])))
            }
            b'L' => Value::Long(i64::from_be_bytes(self.take()?)),
            b'D' => Value::Double(f64::from_be_bytes(self.take()?)),
            0x00..=0x1f | b'S' => Value::String(self.string(tag)?),
            0x20..=0x2f | b'B' => Value::Binary(self.binary(tag)?),
            _ => return Ok(None),
        }))
    }

    fn int(&mut self, tag: u8) -> Read<i32> {
        let from = |zero| i32::from(tag) - zero;
        Ok(match tag {
            0x80..=0xbf => from(0x90),
            0xc0..=0xcf => (from(0xc8) << 8) + i32::from(self.byte()?),
            0xd0..=0xd7 => {
                let [high, low] = self.take()?;
                (from(0xd4) << 16) + i32::from(u16::from_be_bytes([high, low]))
            }
            b'I' => i32::from_be_bytes(self.take()?),
            _ => return Err(self.wrong("not a whole number")),
        })
    }

    /// A whole number that is a length or an index.
    fn number(&mut self) -> Read<usize> {
        let tag = self.byte()?;
        let number = self.int(tag)?;
        usize::try_from(number).map_err(|_| self.wrong("a negative length"))
    }

    /// Text, chunk by chunk.
    fn string(&mut self, first: u8) -> Read<String> {
        let mut text = String::new();
        let mut tag = first;
        loop {
            let (units, last) = match (self.dialect, tag) {
                (_, 0x00..=0x1f) => (usize::from(tag), true),
                (_, b'S') => (usize::from(u16::from_be_bytes(self.take()?)), true),
                (Dialect::V2, 0x30..=0x33) => {
                    (usize::from(tag - 0x30) << 8 | usize::from(self.byte()?), true)
                }
                (Dialect::V2, b'R') | (Dialect::Draft, b's') => {
                    (usize::from(u16::from_be_bytes(self.take()?)), false)
                }
                _ => return Err(self.wrong("not a string")),
            };
            self.units(&mut text, units)?;
            if last {
                return Ok(text);
            }
            tag = self.byte()?;
        }
    }

    fn units(&mut self, text: &mut String, units: usize) -> Read<()> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let chunk = skip_units(rest, units).and_then(|len| rest.get(..len));
        match chunk.and_then(|chunk| text::push(text, chunk).map(|()| chunk.len())) {
            Some(taken) => {
                self.at += taken;
                Ok(())
            }
            None => Err(self.wrong("a string that is cut off or not UTF-8")),
        }
    }

    /// Bytes, chunk by chunk.
    fn binary(&mut self, first: u8) -> Read<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut tag = first;
        loop {
            let (len, last) = match (self.dialect, tag) {
                (_, 0x20..=0x2f) => (usize::from(tag - 0x20), true),
                (_, b'B') => (usize::from(u16::from_be_bytes(self.take()?)), true),
                (Dialect::V2, 0x34..=0x37) => {
                    (usize::from(tag - 0x34) << 8 | usize::from(self.byte()?), true)
                }
                (Dialect::V2, b'A') | (Dialect::Draft, b'b') => {
                    (usize::from(u16::from_be_bytes(self.take()?)), false)
                }
                _ => return Err(self.wrong("not binary")),
            };
            let chunk = self.input.get(self.at..).and_then(|rest| rest.get(..len));
            let Some(chunk) = chunk else { return Err(self.wrong("binary that is cut off")) };
            bytes.extend_from_slice(chunk);
            self.at += len;
            if last {
                return Ok(bytes);
            }
            tag = self.byte()?;
        }
    }

    fn list(&mut self, kind: Option<Arc<str>>, len: Option<usize>, end: u8, depth: usize) -> Read<Value> {
        let depth = self.open(depth)?;
        let mut items = Vec::with_capacity(self.room(len.unwrap_or_default()));
        while len.map_or_else(|| self.peek() != Some(end), |len| items.len() < len) {
            items.push(self.read(depth)?);
        }
        if len.is_none() {
            self.byte()?;
        }
        Ok(Value::List(List { kind, items }))
    }

    fn map(&mut self, kind: Option<Arc<str>>, end: u8, depth: usize) -> Read<Value> {
        let depth = self.open(depth)?;
        let mut entries = Vec::new();
        while self.peek() != Some(end) {
            entries.push((self.read(depth)?, self.read(depth)?));
        }
        self.byte()?;
        Ok(Value::Map(Map { kind, entries }))
    }

    fn object(&mut self, class: usize, depth: usize) -> Read<Value> {
        let Some(class) = self.classes.get(class).cloned() else {
            return Err(self.wrong("an object of a class that was not defined"));
        };
        let depth = self.open(depth)?;
        let mut values = Vec::with_capacity(self.room(class.fields.len()));
        for _ in &class.fields {
            values.push(self.read(depth)?);
        }
        Ok(Value::Object(Object { class, values }))
    }

    fn class(&mut self, name: String) -> Read<()> {
        let len = self.number()?;
        self.count(len.saturating_add(1))?;
        let mut fields = Vec::with_capacity(self.room(len));
        for _ in 0..len {
            let tag = self.byte()?;
            fields.push(self.string(tag)?);
        }
        self.classes.push(Arc::new(Class { name, fields }));
        Ok(())
    }

    fn reference(&self, number: usize) -> Read<Value> {
        match u32::try_from(number) {
            Ok(number) if number < self.containers => Ok(Value::Ref(number)),
            _ => Err(self.wrong("a reference to what did not come yet")),
        }
    }

    fn known_type(&self, number: usize) -> Read<Arc<str>> {
        self.types.get(number).cloned().ok_or_else(|| self.wrong("a type that was not named yet"))
    }

    fn new_type(&mut self, name: String) -> Read<Arc<str>> {
        self.count(1)?;
        let name: Arc<str> = name.into();
        self.types.push(name.clone());
        Ok(name)
    }

    /// One level further in.
    fn open(&mut self, depth: usize) -> Read<usize> {
        self.containers += 1;
        if depth >= self.bounds.depth { Err(self.wrong("too many levels")) } else { Ok(depth + 1) }
    }

    fn count(&mut self, more: usize) -> Read<()> {
        self.values = self.values.saturating_add(more);
        if self.values > self.bounds.values { Err(self.wrong("too many values")) } else { Ok(()) }
    }

    /// How many of so many there can be at most: each has a byte, and what is allocated ahead stays small.
    fn room(&self, len: usize) -> usize {
        len.min(self.input.len().saturating_sub(self.at)).min(1024)
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn byte(&mut self) -> Read<u8> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        let found = self.input.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let Some(found) = found else { return Err(self.wrong("cut off")) };
        self.at += N;
        Ok(*found)
    }

    fn wrong(&self, reason: &'static str) -> Invalid {
        Invalid { reason, at: self.at }
    }
}

#[cfg(test)]
mod tests;

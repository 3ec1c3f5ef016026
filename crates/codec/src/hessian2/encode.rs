//! Values to bytes, in the shortest form that every reader knows. Classes are defined once a stream; types are named each
//! time in the draft, whose readers disagree about their numbers.

use std::collections::HashMap;
use std::sync::Arc;

use super::text::{first_chunk, write_string, write_units};
use super::value::{Class, Dialect, List, Map, Object, Value};

/// The most bytes of a chunk: what Java's own writers put into one.
const CHUNK: usize = 0x8000;

/// Writes values one after the other.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    dialect: Dialect,
    classes: HashMap<Arc<Class>, i32>,
    types: HashMap<Arc<str>, i32>,
}

impl Encoder {
    /// A writer at the beginning of a stream.
    pub fn new(dialect: Dialect) -> Self {
        Encoder { out: Vec::new(), dialect, classes: HashMap::new(), types: HashMap::new() }
    }

    /// The stream.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes a value. A reference stands for the list, map or object of that number in this stream. The name of a type
    /// that is longer than 65,535 characters is left out in the draft, which can't hold it.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push(b'N'),
            Value::Bool(yes) => self.out.push(if *yes { b'T' } else { b'F' }),
            Value::Int(number) => self.int(*number),
            Value::Long(number) => self.long(*number),
            Value::Double(number) => self.double(*number),
            Value::Date(time) => {
                self.out.push(self.one_of(b'J', b'd'));
                self.out.extend(time.to_be_bytes());
            }
            Value::String(text) => self.text(text),
            Value::Binary(bytes) => self.binary(bytes),
            Value::List(list) => self.list(list),
            Value::Map(map) => self.map(map),
            Value::Object(object) => self.object(object),
            Value::Ref(number) => self.reference(*number),
        }
    }

    fn text(&mut self, text: &str) {
        if self.dialect == Dialect::V2 {
            return write_string(text, &mut self.out);
        }
        let mut rest = text;
        loop {
            let (chunk, units) = first_chunk(rest);
            rest = rest.get(chunk.len()..).unwrap_or_default();
            let [high, low] = (units as u16).to_be_bytes();
            match units {
                0..32 if rest.is_empty() => self.out.push(low),
                _ if rest.is_empty() => self.out.extend([b'S', high, low]),
                _ => self.out.extend([b's', high, low]),
            }
            write_units(chunk, &mut self.out);
            if rest.is_empty() {
                return;
            }
        }
    }

    fn one_of(&self, v2: u8, draft: u8) -> u8 {
        match self.dialect {
            Dialect::V2 => v2,
            Dialect::Draft => draft,
        }
    }

    fn int(&mut self, number: i32) {
        let [_, high, mid, low] = number.to_be_bytes();
        match number {
            -0x10..=0x2f => self.out.push(low.wrapping_add(0x90)),
            -0x800..=0x7ff => self.out.extend([mid.wrapping_add(0xc8), low]),
            -0x40000..=0x3ffff => self.out.extend([high.wrapping_add(0xd4), mid, low]),
            _ => {
                self.out.push(b'I');
                self.out.extend(number.to_be_bytes());
            }
        }
    }

    fn long(&mut self, number: i64) {
        let [.., high, mid, low] = number.to_be_bytes();
        match number {
            -0x8..=0xf => self.out.push(low.wrapping_add(0xe0)),
            -0x800..=0x7ff => self.out.extend([mid.wrapping_add(0xf8), low]),
            -0x40000..=0x3ffff => self.out.extend([high.wrapping_add(0x3c), mid, low]),
            _ => match i32::try_from(number) {
                Ok(number) => {
                    self.out.push(self.one_of(b'Y', b'w'));
                    self.out.extend(number.to_be_bytes());
                }
                Err(_) => {
                    self.out.push(b'L');
                    self.out.extend(number.to_be_bytes());
                }
            },
        }
    }

    fn double(&mut self, number: f64) {
        let whole = number as i16;
        // Bits, since -0.0 equals 0.0.
        if f64::from(whole).to_bits() != number.to_bits() {
            self.out.push(b'D');
            self.out.extend(number.to_be_bytes());
            return;
        }
        match whole {
            0 => self.out.push(self.one_of(0x5b, b'g')),
            1 => self.out.push(self.one_of(0x5c, b'h')),
            -0x80..=0x7f => self.out.extend([self.one_of(0x5d, b'i'), whole as u8]),
            _ => {
                self.out.push(self.one_of(0x5e, b'j'));
                self.out.extend(whole.to_be_bytes());
            }
        }
    }

    fn binary(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let (chunk, tail) = rest.split_at(rest.len().min(CHUNK));
            rest = tail;
            let [high, low] = (chunk.len() as u16).to_be_bytes();
            match chunk.len() {
                0..16 if rest.is_empty() => self.out.push(0x20 + low),
                0..1024 if rest.is_empty() && self.dialect == Dialect::V2 => {
                    self.out.extend([0x34 + high, low])
                }
                _ if rest.is_empty() => self.out.extend([b'B', high, low]),
                _ => self.out.extend([self.one_of(b'A', b'b'), high, low]),
            }
            self.out.extend_from_slice(chunk);
            if rest.is_empty() {
                return;
            }
        }
    }

    fn list(&mut self, list: &List) {
        let len = i32::try_from(list.items.len()).unwrap_or(i32::MAX);
        match (self.dialect, &list.kind) {
            (Dialect::V2, kind) => {
                let short = u8::try_from(len).ok().filter(|len| *len < 8);
                match (kind, short) {
                    (Some(_), Some(short)) => self.out.push(0x70 + short),
                    (Some(_), None) => self.out.push(b'V'),
                    (None, Some(short)) => self.out.push(0x78 + short),
                    (None, None) => self.out.push(b'X'),
                }
                if let Some(kind) = kind {
                    self.type_v2(kind);
                }
                if short.is_none() {
                    self.int(len);
                }
            }
            (Dialect::Draft, kind) => {
                self.out.push(b'V');
                self.type_draft(kind.as_deref());
                match u8::try_from(len) {
                    Ok(len) => self.out.extend([b'n', len]),
                    Err(_) => {
                        self.out.push(b'l');
                        self.out.extend(len.to_be_bytes());
                    }
                }
            }
        }
        list.items.iter().for_each(|item| self.value(item));
        if self.dialect == Dialect::Draft {
            self.out.push(b'z');
        }
    }

    fn map(&mut self, map: &Map) {
        match (self.dialect, &map.kind) {
            (Dialect::V2, None) => self.out.push(b'H'),
            (Dialect::V2, Some(kind)) => {
                self.out.push(b'M');
                self.type_v2(kind);
            }
            (Dialect::Draft, kind) => {
                self.out.push(b'M');
                self.type_draft(kind.as_deref());
            }
        }
        for (key, value) in &map.entries {
            self.value(key);
            self.value(value);
        }
        self.out.push(self.one_of(b'Z', b'z'));
    }

    fn object(&mut self, object: &Object) {
        let number = match self.classes.get(&object.class) {
            Some(number) => *number,
            None => self.class(&object.class),
        };
        match (self.dialect, u8::try_from(number)) {
            (Dialect::V2, Ok(number @ 0..16)) => self.out.push(0x60 + number),
            (dialect, _) => {
                self.out.push(if dialect == Dialect::V2 { b'O' } else { b'o' });
                self.int(number);
            }
        }
        // As many as the class has, whatever the object holds.
        for at in 0..object.class.fields.len() {
            self.value(object.values.get(at).unwrap_or(&Value::Null));
        }
    }

    fn class(&mut self, class: &Arc<Class>) -> i32 {
        let number = i32::try_from(self.classes.len()).unwrap_or(i32::MAX);
        self.classes.insert(class.clone(), number);
        match self.dialect {
            Dialect::V2 => {
                self.out.push(b'C');
                self.text(&class.name);
            }
            Dialect::Draft => {
                self.out.push(b'O');
                self.int(i32::try_from(units(&class.name)).unwrap_or(i32::MAX));
                write_units(&class.name, &mut self.out);
            }
        }
        self.int(i32::try_from(class.fields.len()).unwrap_or(i32::MAX));
        class.fields.iter().for_each(|field| self.text(field));
        number
    }

    fn type_v2(&mut self, kind: &Arc<str>) {
        match self.types.get(kind) {
            Some(number) => self.int(*number),
            None => {
                let number = i32::try_from(self.types.len()).unwrap_or(i32::MAX);
                self.types.insert(kind.clone(), number);
                self.text(kind);
            }
        }
    }

    fn type_draft(&mut self, kind: Option<&str>) {
        let Some(kind) = kind else { return };
        if let Ok(units) = u16::try_from(units(kind)) {
            self.out.push(b't');
            self.out.extend(units.to_be_bytes());
            write_units(kind, &mut self.out);
        }
    }

    fn reference(&mut self, number: u32) {
        match (self.dialect, number) {
            (Dialect::V2, _) => {
                self.out.push(b'Q');
                self.int(i32::try_from(number).unwrap_or(i32::MAX));
            }
            (Dialect::Draft, 0..=0xff) => self.out.extend([b'J', number as u8]),
            (Dialect::Draft, 0x100..=0xffff) => {
                self.out.push(b'K');
                self.out.extend((number as u16).to_be_bytes());
            }
            (Dialect::Draft, _) => {
                self.out.push(b'R');
                self.out.extend(number.to_be_bytes());
            }
        }
    }
}

/// How many UTF-16 units the text has.
fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

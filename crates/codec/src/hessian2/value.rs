//! Values of Hessian: what the arguments and results of Java's RPC protocols are made of. A [`Value`] is a tree; where
//! the stream says "that one again" the tree holds the number of the list, map or object that is meant, so that shared
//! and cyclic values stay as large as they were on the wire.

use std::fmt;
use std::sync::Arc;

/// The spelling of a stream. Both call themselves Hessian 2; the first byte of an object's class tells them apart
/// ([`Dialect::of`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Hessian 2.0 as it was published: Dubbo's, and SOFA Hessian 4's.
    V2,
    /// The draft of it that Hessian 3 wrote: SOFA Hessian 3's, and so what Bolt carries under the number of "hessian2".
    Draft,
}

impl Dialect {
    /// The dialect of a stream that begins with an object: its class is defined first, by `C` or, in the draft, by `O`.
    pub fn of(stream: &[u8]) -> Dialect {
        match stream.first() {
            Some(b'C') => Dialect::V2,
            _ => Dialect::Draft,
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number of 32 bits.
    Int(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// A number.
    Double(f64),
    /// A time, in milliseconds since 1970 UTC.
    Date(i64),
    /// Text. Halves of surrogate pairs that stood alone are replaced.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// Values in order.
    List(List),
    /// Pairs in order.
    Map(Map),
    /// An object of a class.
    Object(Object),
    /// The list, map or object of this number again; they are numbered from the beginning of the stream in the order in
    /// which they begin.
    Ref(u32),
}

/// Values in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Its type, such as `[string`; `None` = whatever the reader likes.
    pub kind: Option<Arc<str>>,
    /// The values.
    pub items: Vec<Value>,
}

/// Pairs in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Its class; `None` = whatever the reader likes.
    pub kind: Option<Arc<str>>,
    /// Keys and values.
    pub entries: Vec<(Value, Value)>,
}

impl Map {
    /// The value under a key that is text.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let is_wanted = |found: &Value| matches!(found, Value::String(text) if text == key);
        self.entries.iter().find_map(|(found, value)| is_wanted(found).then_some(value))
    }
}

/// The name of a class and of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// Its name, such as `java.lang.Exception`.
    pub name: String,
    /// The names of its fields in the order in which objects hold their values.
    pub fields: Vec<String>,
}

/// An object of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The class.
    pub class: Arc<Class>,
    /// The values of its fields, as many as the class has.
    pub values: Vec<Value>,
}

impl Object {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        let at = self.class.fields.iter().position(|name| name == field)?;
        self.values.get(at)
    }

    /// Names and values of the fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.class.fields.iter().map(String::as_str).zip(&self.values)
    }
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// The text, when it is some.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A list of a type.
    pub fn list(kind: Option<&str>, items: Vec<Value>) -> Value {
        Value::List(List { kind: kind.map(Arc::from), items })
    }

    /// An untyped map with keys that are text.
    pub fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
        let entries = entries.into_iter().map(|(key, value)| (Value::String(key), value)).collect();
        Value::Map(Map { kind: None, entries })
    }

    /// An object.
    pub fn object<'f>(class: &str, fields: impl IntoIterator<Item = (&'f str, Value)>) -> Value {
        let (names, values) = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).unzip();
        Value::Object(Object { class: Arc::new(Class { name: class.to_owned(), fields: names }), values })
    }
}

/// What [`Value::Ref`] means: the lists, maps and objects of a stream by their numbers.
#[derive(Debug, Default)]
pub struct Containers<'v>(Vec<&'v Value>);

impl<'v> Containers<'v> {
    /// Those in the values of a stream, which must be all of them, in order.
    pub fn of(values: &'v [Value]) -> Self {
        let mut found = Vec::new();
        let mut open: Vec<&Value> = values.iter().rev().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::List(list) => open.extend(list.items.iter().rev()),
                Value::Map(map) => {
                    let pairs = map.entries.iter().rev();
                    open.extend(pairs.flat_map(|(key, value)| [value, key]));
                }
                Value::Object(object) => open.extend(object.values.iter().rev()),
                _ => continue,
            }
            found.push(value);
        }
        Containers(found)
    }

    /// The one with this number.
    pub fn get(&self, number: u32) -> Option<&'v Value> {
        self.0.get(number as usize).copied()
    }
}

/// Bytes that are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule that they break.
    pub reason: &'static str,
    /// Where, in bytes from the beginning.
    pub at: usize,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl std::error::Error for Invalid {}

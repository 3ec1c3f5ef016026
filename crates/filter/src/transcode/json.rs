//! Values of Hessian as JSON, and JSON as such values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mecha_codec::hessian2::{Containers, Object, Value};
use serde_json::{Map, Number, Value as Json};

/// What an object that names a class becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Classes {
    /// A map with the name in it: what a generic call wants.
    Named,
    /// An object of that class.
    Objects,
}

/// The key under which objects name their class.
const CLASS: &str = "class";

/// The value of Hessian for one of JSON: whole numbers as small as they fit, objects as maps.
pub(super) fn to_hessian(value: Json, classes: Classes) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => number_of(&number),
        Json::String(text) => Value::String(text),
        Json::Array(items) => {
            Value::list(None, items.into_iter().map(|item| to_hessian(item, classes)).collect())
        }
        Json::Object(mut fields) => {
            let class = match fields.get(CLASS) {
                Some(Json::String(name)) if classes == Classes::Objects && !name.is_empty() => {
                    Some(name.clone())
                }
                _ => None,
            };
            if class.is_some() {
                fields.remove(CLASS);
            }
            let fields = fields.into_iter().map(|(name, value)| (name, to_hessian(value, classes)));
            match class {
                None => Value::map(fields),
                Some(class) => {
                    let fields: Vec<_> = fields.collect();
                    let (names, values): (Vec<&str>, Vec<Value>) =
                        fields.iter().map(|(name, value)| (name.as_str(), value.clone())).unzip();
                    Value::object(&class, names.into_iter().zip(values))
                }
            }
        }
    }
}

fn number_of(number: &Number) -> Value {
    match number.as_i64() {
        Some(whole) => i32::try_from(whole).map_or(Value::Long(whole), Value::Int),
        None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The most bytes that values may have as JSON: what is shared in Hessian is written out each time.
const LARGEST: usize = 64 << 20;
/// The most levels, references followed: what readers of JSON take.
const DEEPEST: usize = 100;

/// The most words of a whole number that is written out: 2,048 bits.
const MOST_WORDS: usize = 64;

/// Reads the values of one stream as JSON.
pub(super) struct Reader<'v> {
    containers: Containers<'v>,
    /// The lists, maps and objects that the value at hand is in.
    open: Vec<&'v Value>,
    /// How many bytes may still come.
    left: usize,
}

/// Why a value has no form in JSON.
pub(super) type Wordless = &'static str;

impl<'v> Reader<'v> {
    /// A reader of all values of a stream, in order.
    pub(super) fn new(values: &'v [Value]) -> Self {
        Reader { containers: Containers::of(values), open: Vec::new(), left: LARGEST }
    }

    /// What a value is when references are followed.
    pub(super) fn resolved(&self, value: &'v Value) -> &'v Value {
        match value {
            Value::Ref(number) => self.containers.get(*number).unwrap_or(&Value::Null),
            value => value,
        }
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// When it contains itself, or is too large or too deep.
    pub(super) fn json(&mut self, value: &'v Value) -> Result<Json, Wordless> {
        let value = self.resolved(value);
        self.spend(8)?;
        Ok(match value {
            Value::Null | Value::Ref(_) => Json::Null,
            Value::Bool(yes) => Json::Bool(*yes),
            Value::Int(number) => Json::from(*number),
            Value::Long(number) | Value::Date(number) => Json::from(*number),
            // Infinities and NaN are null, as in JavaScript.
            Value::Double(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Value::String(text) => {
                self.spend(text.len())?;
                Json::String(text.clone())
            }
            Value::Binary(bytes) => {
                self.spend(bytes.len() / 3 * 4)?;
                Json::String(STANDARD.encode(bytes))
            }
            Value::List(_) | Value::Map(_) | Value::Object(_) => {
                self.enter(value)?;
                let inner = self.container(value)?;
                self.open.pop();
                inner
            }
        })
    }

    fn container(&mut self, value: &'v Value) -> Result<Json, Wordless> {
        match value {
            Value::List(list) => list.items.iter().map(|item| self.json(item)).collect(),
            Value::Map(map) => {
                let mut out = self.named(map.kind.as_deref().filter(|kind| !kind.starts_with("java.")))?;
                for (key, value) in &map.entries {
                    let key = self.key(key)?;
                    let value = self.json(value)?;
                    out.insert(key, value);
                }
                Ok(Json::Object(out))
            }
            Value::Object(object) => {
                if let Some(number) = self.big_number(object) {
                    return Ok(Json::String(number));
                }
                let mut out = self.named(Some(&object.class.name))?;
                for (name, value) in object.fields() {
                    self.spend(name.len())?;
                    let value = self.json(value)?;
                    out.insert(name.to_owned(), value);
                }
                Ok(Json::Object(out))
            }
            _ => Ok(Json::Null),
        }
    }

    /// The text of a number of Java's that fits into none of JSON: JSON's readers would round it.
    fn big_number(&self, object: &'v Object) -> Option<String> {
        match &*object.class.name {
            "java.math.BigDecimal" | "java.math.BigInteger" => {}
            _ => return None,
        }
        if let Some(Value::String(text)) = object.get("value") {
            return Some(text.clone());
        }
        // What Hessian makes of a BigInteger by looking into it: sign and words, the highest first.
        let (Value::Int(sign), Value::List(words)) =
            (object.get("signum")?, self.resolved(object.get("mag")?))
        else {
            return None;
        };
        if words.items.len() > MOST_WORDS {
            return None;
        }
        let word = |word: &Value| if let Value::Int(word) = word { Some(*word as u32) } else { None };
        let words = words.items.iter().map(word).collect::<Option<Vec<_>>>()?;
        Some(decimal(*sign < 0, words))
    }

    fn named(&mut self, class: Option<&str>) -> Result<Map<String, Json>, Wordless> {
        let mut out = Map::new();
        if let Some(class) = class {
            self.spend(class.len())?;
            out.insert(CLASS.to_owned(), class.into());
        }
        Ok(out)
    }

    /// A key as text: an enum's name, anything else as JSON writes it.
    fn key(&mut self, key: &'v Value) -> Result<String, Wordless> {
        let key = self.resolved(key);
        if let Value::Object(object) = key
            && let (Some(Value::String(name)), 1) = (object.get("name"), object.values.len())
        {
            self.spend(name.len())?;
            return Ok(name.clone());
        }
        Ok(match self.json(key)? {
            Json::String(text) => text,
            other => other.to_string(),
        })
    }

    fn enter(&mut self, value: &'v Value) -> Result<(), Wordless> {
        if self.open.iter().any(|open| std::ptr::eq(*open, value)) {
            return Err("a value that contains itself has no form in JSON");
        }
        if self.open.len() >= DEEPEST {
            return Err("a value with too many levels has no form in JSON");
        }
        self.open.push(value);
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Wordless> {
        self.left = self.left.checked_sub(bytes).ok_or("the value would be larger than 64 MiB in JSON")?;
        Ok(())
    }
}

/// A number of words, the highest first, in decimal digits.
fn decimal(negative: bool, mut words: Vec<u32>) -> String {
    const GROUP: u64 = 1_000_000_000;
    let mut groups = Vec::new();
    while words.iter().any(|word| *word != 0) {
        let mut rest = 0;
        for word in &mut words {
            let whole = (rest << 32) | u64::from(*word);
            *word = (whole / GROUP) as u32;
            rest = whole % GROUP;
        }
        groups.push(rest);
    }
    let mut out = String::from(if negative { "-" } else { "" });
    out.push_str(&groups.pop().unwrap_or_default().to_string());
    for group in groups.iter().rev() {
        out.push_str(&format!("{group:09}"));
    }
    out
}

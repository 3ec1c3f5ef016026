//! A node as a value of its own: what a driver or a component gets that nobody here looks into.

use serde_json::{Map, Value};

use super::{Kind, Node};

impl Node<'_> {
    /// The JSON value that stands here. As deep as the document, which has a limit.
    pub fn json(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Flag(flag) => Value::Bool(flag),
            Kind::Number => self.text().parse().map_or(Value::Null, Value::Number),
            Kind::Text | Kind::Key => Value::String(self.text().to_owned()),
            Kind::List => Value::Array(self.items().map(Node::json).collect()),
            Kind::Map => {
                let fields = self.entries().map(|(key, value)| (key.text().to_owned(), value.json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// What stands here as a string: strings as they are, numbers as they are written, everything else as JSON;
    /// nothing is empty.
    pub fn plain(self) -> String {
        match self.kind() {
            Kind::Null => String::new(),
            Kind::Text | Kind::Key | Kind::Number => self.text().to_owned(),
            Kind::Flag(_) | Kind::List | Kind::Map => self.json().to_string(),
        }
    }
}

//! Typed reading of nodes by the rules of Go's `encoding/json`, which MOSN and Dapr decode with: keys
//! match in any case, `null` leaves the default, a wrong type is fatal. Unlike there, unknown and repeated
//! keys are reported. Each reader reports what it can't use and goes on, so that one run finds everything.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use mecha_base::duration;
use mecha_base::names::nearest;
use mecha_config::{Diagnostic, Severity};

use crate::document::{Kind, Node};

/// An object whose keys are asked for one by one; when it goes, it reports the keys nobody asked for.
pub struct Object<'d> {
    node: Node<'d>,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Node<'d> {
    /// Reports an error here.
    pub fn error(self, message: impl Into<String>) {
        self.report(Severity::Error, message.into(), None);
    }

    /// Reports an error here, and what to do about it.
    pub fn error_with(self, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Error, message.into(), Some(hint.into()));
    }

    /// Reports a warning here.
    pub fn warn(self, message: impl Into<String>) {
        self.report(Severity::Warning, message.into(), None);
    }

    /// Reports a warning here, and what to do about it.
    pub fn warn_with(self, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Warning, message.into(), Some(hint.into()));
    }

    /// Reports a finding here.
    pub fn report(self, severity: Severity, message: String, hint: Option<String>) {
        self.findings().add(Diagnostic {
            severity,
            file: self.file(),
            line: self.line(),
            column: self.column(),
            key: self.path(),
            message,
            hint,
        });
    }

    /// Its keys, when it is an object.
    pub fn object(self) -> Option<Object<'d>> {
        if self.kind() == Kind::Map {
            return Some(Object { node: self, known: RefCell::new(Vec::with_capacity(16)) });
        }
        self.expected("an object");
        None
    }

    /// Its keys and values, when it is an object whose keys are the user's own.
    pub fn pairs(self) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
        if self.kind() != Kind::Map {
            self.expected("an object");
        }
        self.entries()
    }

    /// Its items, when it is a list.
    pub fn list(self) -> impl Iterator<Item = Node<'d>> {
        if self.kind() != Kind::List {
            self.expected("a list");
        }
        self.items()
    }

    /// Its text, when it is a string.
    pub fn string(self) -> Option<&'d str> {
        if self.kind() == Kind::Text {
            return Some(self.text());
        }
        self.expected("a string");
        None
    }

    /// Its value, when it is `true` or `false`.
    pub fn flag(self) -> Option<bool> {
        if let Kind::Flag(flag) = self.kind() {
            return Some(flag);
        }
        self.expected("true or false");
        None
    }

    /// Its value, when it is a whole number from `least` to `most`.
    pub fn whole<T>(self, least: T, most: T) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + fmt::Display + Copy,
    {
        let number = (self.kind() == Kind::Number).then(|| self.text().parse::<T>().ok()).flatten();
        match number {
            Some(number) if least <= number && number <= most => Some(number),
            _ => {
                self.expected(&format!("a whole number from {least} to {most}"));
                None
            }
        }
    }

    /// Its value, when it is a number.
    pub fn real(self) -> Option<f64> {
        let number = (self.kind() == Kind::Number).then(|| self.text().parse().ok()).flatten();
        if number.is_none() {
            self.expected("a number");
        }
        number
    }

    /// Its value, when it is a duration in Go's notation; the plain number 0 is one too.
    pub fn duration(self) -> Option<Duration> {
        if !matches!(self.kind(), Kind::Text | Kind::Number) {
            self.expected("a duration such as \"300ms\"");
            return None;
        }
        match duration::parse(self.text()) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.error(format!("\"{}\": {error}", shortened(self.text())));
                None
            }
        }
    }

    /// Whether it says anything: not null, false, zero or empty.
    pub fn is_set(self) -> bool {
        match self.kind() {
            Kind::Null => false,
            Kind::Flag(flag) => flag,
            Kind::Number => self.text().parse::<f64>().is_ok_and(|number| number != 0.0),
            Kind::Text | Kind::Key => !matches!(self.text(), "" | "0" | "0s"),
            Kind::List => self.items().next().is_some(),
            Kind::Map => self.entries().next().is_some(),
        }
    }

    fn expected(self, what: &str) {
        let found = match self.kind() {
            Kind::Null => "nothing".to_owned(),
            Kind::Flag(flag) => flag.to_string(),
            Kind::Number => format!("the number {}", self.text()),
            Kind::Text | Kind::Key => format!("the string \"{}\"", shortened(self.text())),
            Kind::List => "a list".to_owned(),
            Kind::Map => "an object".to_owned(),
        };
        self.error(format!("expected {what}, found {found}"));
    }
}

impl<'d> Object<'d> {
    /// Where the object stands.
    pub fn node(&self) -> Node<'d> {
        self.node
    }

    /// The value of a key; of a repeated one the last. `None` when it is absent or null.
    pub fn get(&self, key: &'static str) -> Option<Node<'d>> {
        self.known.borrow_mut().push(key);
        let entries = self.node.entries().filter(|(name, _)| name.text().eq_ignore_ascii_case(key));
        entries.last().map(|(_, value)| value).filter(|value| value.kind() != Kind::Null)
    }

    /// Takes keys as known that need nothing here.
    pub fn accept(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(keys);
    }

    /// The object under a key.
    pub fn object(&self, key: &'static str) -> Option<Object<'d>> {
        self.get(key)?.object()
    }

    /// The items of the list under a key.
    pub fn list(&self, key: &'static str) -> impl Iterator<Item = Node<'d>> {
        self.get(key).into_iter().flat_map(Node::list)
    }

    /// What `read` makes of the items of the list under a key. Kept in exactly the memory it needs: a large
    /// configuration is thousands of short lists.
    pub fn each<T>(&self, key: &'static str, read: impl FnMut(Node<'d>) -> Option<T>) -> Vec<T> {
        let mut all: Vec<T> = self.list(key).filter_map(read).collect();
        all.shrink_to_fit();
        all
    }

    /// The string under a key; an empty one counts as absent, as in Go.
    pub fn text(&self, key: &'static str) -> Option<&'d str> {
        self.get(key)?.string().filter(|text| !text.is_empty())
    }

    /// Like [`Object::text`], with its place.
    pub fn text_at(&self, key: &'static str) -> Option<(Node<'d>, &'d str)> {
        let node = self.get(key)?;
        Some((node, node.string().filter(|text| !text.is_empty())?))
    }

    /// The flag under a key; false when absent.
    pub fn flag(&self, key: &'static str) -> bool {
        self.get(key).and_then(Node::flag).unwrap_or(false)
    }

    /// The 32-bit number under a key.
    pub fn number(&self, key: &'static str) -> Option<u32> {
        self.get(key)?.whole(0, u32::MAX)
    }

    /// The size under a key, in whatever unit it means.
    pub fn size(&self, key: &'static str) -> Option<usize> {
        self.get(key)?.whole(0, u32::MAX as usize)
    }

    /// The duration under a key.
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        self.get(key)?.duration()
    }

    /// Warns for each of `keys` that is set: read by the program whose files these are, but without effect here.
    pub fn not_in_effect(&self, keys: &[&'static str]) {
        for key in keys {
            if let Some(node) = self.get(key).filter(|node| node.is_set()) {
                node.warn(format!("\"{key}\" is not available yet and has no effect"));
            }
        }
    }

    fn report_keys(&self) {
        let known = self.known.borrow();
        let mut seen: Vec<&str> = Vec::new();
        for (key, _) in self.node.entries() {
            let name = key.text();
            match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                None => {
                    let hint =
                        nearest(name, known.iter().copied()).map(|near| format!("did you mean \"{near}\"?"));
                    key.report(
                        Severity::Warning,
                        format!("unknown key \"{}\" is ignored", shortened(name)),
                        hint,
                    );
                }
                Some(known) if seen.contains(known) => {
                    key.warn(format!("\"{name}\" stands here more than once; the last one counts"));
                }
                Some(known) => seen.push(known),
            }
        }
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.report_keys();
    }
}

/// Text of a file as a message may show it.
pub fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push_str("...");
    }
    shown
}

//! Typed reading of nodes by the rules of MOSN's own decoder (Go's `encoding/json`, reference 1.0): keys
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
pub(crate) struct Object<'d> {
    node: Node<'d>,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Node<'d> {
    /// Reports an error here.
    pub(crate) fn error(self, message: impl Into<String>) {
        self.report(Severity::Error, message.into(), None);
    }

    /// Reports an error here, and what to do about it.
    pub(crate) fn error_with(self, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Error, message.into(), Some(hint.into()));
    }

    /// Reports a warning here.
    pub(crate) fn warn(self, message: impl Into<String>) {
        self.report(Severity::Warning, message.into(), None);
    }

    /// Reports a warning here, and what to do about it.
    pub(crate) fn warn_with(self, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Warning, message.into(), Some(hint.into()));
    }

    /// Reports a finding here.
    pub(crate) fn report(self, severity: Severity, message: String, hint: Option<String>) {
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
    pub(crate) fn object(self) -> Option<Object<'d>> {
        if self.kind() == Kind::Map {
            return Some(Object { node: self, known: RefCell::new(Vec::with_capacity(16)) });
        }
        self.expected("an object");
        None
    }

    /// Its keys and values, when it is an object whose keys are the user's own.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
        if self.kind() != Kind::Map {
            self.expected("an object");
        }
        self.entries()
    }

    /// Its items, when it is a list.
    pub(crate) fn list(self) -> impl Iterator<Item = Node<'d>> {
        if self.kind() != Kind::List {
            self.expected("a list");
        }
        self.items()
    }

    /// Its text, when it is a string.
    pub(crate) fn string(self) -> Option<&'d str> {
        if self.kind() == Kind::Text {
            return Some(self.text());
        }
        self.expected("a string");
        None
    }

    /// Its value, when it is `true` or `false`.
    pub(crate) fn flag(self) -> Option<bool> {
        if let Kind::Flag(flag) = self.kind() {
            return Some(flag);
        }
        self.expected("true or false");
        None
    }

    /// Its value, when it is a whole number from `least` to `most`.
    pub(crate) fn whole<T>(self, least: T, most: T) -> Option<T>
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
    pub(crate) fn real(self) -> Option<f64> {
        let number = (self.kind() == Kind::Number).then(|| self.text().parse().ok()).flatten();
        if number.is_none() {
            self.expected("a number");
        }
        number
    }

    /// Its value, when it is a duration in Go's notation; the plain number 0 is one too.
    pub(crate) fn duration(self) -> Option<Duration> {
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
    pub(crate) fn is_set(self) -> bool {
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
    pub(crate) fn node(&self) -> Node<'d> {
        self.node
    }

    /// The value of a key; of a repeated one the last. `None` when it is absent or null.
    pub(crate) fn get(&self, key: &'static str) -> Option<Node<'d>> {
        self.known.borrow_mut().push(key);
        let entries = self.node.entries().filter(|(name, _)| name.text().eq_ignore_ascii_case(key));
        entries.last().map(|(_, value)| value).filter(|value| value.kind() != Kind::Null)
    }

    /// Takes keys as known that MOSN reads and that need nothing here.
    pub(crate) fn accept(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(keys);
    }

    /// The object under a key.
    pub(crate) fn object(&self, key: &'static str) -> Option<Object<'d>> {
        self.get(key)?.object()
    }

    /// The items of the list under a key.
    pub(crate) fn list(&self, key: &'static str) -> impl Iterator<Item = Node<'d>> {
        self.get(key).into_iter().flat_map(Node::list)
    }

    /// What `read` makes of the items of the list under a key. Kept in exactly the memory it needs: a large
    /// configuration is thousands of short lists.
    pub(crate) fn each<T>(&self, key: &'static str, read: impl FnMut(Node<'d>) -> Option<T>) -> Vec<T> {
        let mut all: Vec<T> = self.list(key).filter_map(read).collect();
        all.shrink_to_fit();
        all
    }

    /// The string under a key; an empty one counts as absent, as in Go.
    pub(crate) fn text(&self, key: &'static str) -> Option<&'d str> {
        self.get(key)?.string().filter(|text| !text.is_empty())
    }

    /// Like [`Object::text`], with its place.
    pub(crate) fn text_at(&self, key: &'static str) -> Option<(Node<'d>, &'d str)> {
        let node = self.get(key)?;
        Some((node, node.string().filter(|text| !text.is_empty())?))
    }

    /// The flag under a key; false when absent.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.get(key).and_then(Node::flag).unwrap_or(false)
    }

    /// The 32-bit number under a key.
    pub(crate) fn number(&self, key: &'static str) -> Option<u32> {
        self.get(key)?.whole(0, u32::MAX)
    }

    /// The size under a key, in whatever unit it means.
    pub(crate) fn size(&self, key: &'static str) -> Option<usize> {
        self.get(key)?.whole(0, u32::MAX as usize)
    }

    /// The duration under a key.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.get(key)?.duration()
    }

    /// Warns for each of `keys` that is set: read by MOSN, but without effect here.
    pub(crate) fn not_in_effect(&self, keys: &[&'static str]) {
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
pub(crate) fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push_str("...");
    }
    shown
}

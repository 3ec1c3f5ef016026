//! A parsed file as one flat run of nodes, each with its line and column. JSON and YAML end in the same
//! shape, so everything after this file is format-blind. The nodes lie in a single allocation that borrows
//! its text from the source: a large configuration costs memory only while it is read, and the whole of it
//! goes back at once. The path of a node (`servers[0].listeners[1]`) is found by walking down from the root,
//! which only a finding has to pay for.

mod json;
mod value;
mod yaml;

use std::borrow::Cow;
use std::sync::Arc;

use mecha_config::{Diagnostic, Severity};

use crate::Format;
use crate::findings::Findings;

/// Most nodes that one file may hold; 50,000 routes need about half of it.
const MAX_NODES: usize = 2_000_000;

/// How deep containers may nest.
const MAX_DEPTH: usize = 128;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number as written.
    Number,
    /// A string.
    Text,
    /// A list; its items follow.
    List,
    /// An object; a key and a value for each of its entries follow.
    Map,
    /// The key of an entry.
    Key,
}

/// A file, parsed.
pub struct Document<'t> {
    file: Arc<str>,
    nodes: Vec<Raw<'t>>,
    findings: &'t Findings,
}

/// One place of a document.
#[derive(Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document<'d>,
    index: u32,
}

/// Why a text is no document.
#[derive(Debug)]
struct Fault {
    line: u32,
    column: u32,
    message: String,
    hint: Option<String>,
}

struct Raw<'t> {
    kind: Kind,
    line: u32,
    column: u32,
    /// Where the node after this one and all it holds begins.
    next: u32,
    text: Cow<'t, str>,
}

/// The nodes while they are read.
#[derive(Default)]
struct Tape<'t> {
    nodes: Vec<Raw<'t>>,
}

impl<'t> Document<'t> {
    /// Reads `text`; what is wrong with it goes to `findings`.
    pub fn parse(text: &'t str, format: Format, file: &str, findings: &'t Findings) -> Option<Document<'t>> {
        // A byte-order mark says nothing in UTF-8, and editors leave it behind.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file: Arc<str> = file.into();
        let parsed = match format {
            Format::Json => json::parse(text),
            Format::Yaml => yaml::parse(text),
        };
        match parsed {
            Ok(tape) => Some(Document { file, nodes: tape.nodes, findings }),
            Err(fault) => {
                findings.add(fault.diagnostic(file));
                None
            }
        }
    }

    /// Reads the documents of a YAML stream, which lines of `---` part. One that is wrong goes to `findings` and leaves
    /// the others alone; those that say nothing are left out.
    pub fn parse_all(text: &'t str, file: &str, findings: &'t Findings) -> Vec<Document<'t>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file: Arc<str> = file.into();
        let mut all = Vec::new();
        for (above, part) in yaml::parts(text) {
            match yaml::parse(part) {
                Ok(mut tape) => {
                    tape.move_down(above);
                    let document = Document { file: file.clone(), nodes: tape.nodes, findings };
                    if document.root().kind() != Kind::Null {
                        all.push(document);
                    }
                }
                Err(mut fault) => {
                    fault.line += above;
                    findings.add(fault.diagnostic(file.clone()));
                }
            }
        }
        all
    }

    /// The node that holds all others.
    pub fn root(&self) -> Node<'_> {
        Node { document: self, index: 0 }
    }
}

impl<'d> Node<'d> {
    /// What it is.
    pub fn kind(self) -> Kind {
        self.raw().map_or(Kind::Null, |raw| raw.kind)
    }

    /// Its text: of a string or key the content, of a number the digits; empty otherwise.
    pub fn text(self) -> &'d str {
        self.raw().map_or("", |raw| raw.text.as_ref())
    }

    /// Its line, from 1.
    pub fn line(self) -> u32 {
        self.raw().map_or(0, |raw| raw.line)
    }

    /// Its column in characters, from 1.
    pub fn column(self) -> u32 {
        self.raw().map_or(0, |raw| raw.column)
    }

    /// The file it stands in.
    pub fn file(self) -> Arc<str> {
        self.document.file.clone()
    }

    /// Where findings go.
    pub fn findings(self) -> &'d Findings {
        self.document.findings
    }

    /// The items of a list; none of anything else.
    pub fn items(self) -> impl Iterator<Item = Node<'d>> {
        let end = if self.kind() == Kind::List { self.next() } else { 0 };
        let mut at = self.index + 1;
        std::iter::from_fn(move || {
            let item = Node { index: at, ..self };
            (at < end).then(|| {
                at = item.next();
                item
            })
        })
    }

    /// The keys and values of an object; none of anything else.
    pub fn entries(self) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
        let end = if self.kind() == Kind::Map { self.next() } else { 0 };
        let mut at = self.index + 1;
        std::iter::from_fn(move || {
            let (key, value) = (Node { index: at, ..self }, Node { index: at + 1, ..self });
            (at < end).then(|| {
                at = value.next();
                (key, value)
            })
        })
    }

    /// The keys and indices from the root to here.
    pub fn path(self) -> String {
        let mut path = String::new();
        let mut at = self.document.root();
        while let Some(inner) = at.step_towards(self, &mut path) {
            at = inner;
        }
        path
    }

    /// The child that holds `goal`, its name added to `path`; `None` when `goal` is reached.
    fn step_towards(self, goal: Node<'d>, path: &mut String) -> Option<Node<'d>> {
        let holds = |child: Node<'d>| child.index <= goal.index && goal.index < child.next();
        if let Some((number, item)) = self.items().enumerate().find(|(_, item)| holds(*item)) {
            path.push_str(&format!("[{number}]"));
            return Some(item);
        }
        let (key, value) = self.entries().find(|(key, value)| holds(*value) || key.index == goal.index)?;
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key.text());
        holds(value).then_some(value)
    }

    fn raw(self) -> Option<&'d Raw<'d>> {
        self.document.nodes.get(self.index as usize)
    }

    fn next(self) -> u32 {
        self.raw().map_or(u32::MAX, |raw| raw.next)
    }
}

impl Fault {
    fn diagnostic(self, file: Arc<str>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file,
            line: self.line,
            column: self.column,
            key: String::new(),
            message: self.message,
            hint: self.hint,
        }
    }
}

impl<'t> Tape<'t> {
    /// Says that `lines` lines stand above.
    fn move_down(&mut self, lines: u32) {
        for raw in &mut self.nodes {
            raw.line += lines;
        }
    }

    /// Adds a node that holds no others, or the head of one that does.
    fn push(&mut self, kind: Kind, text: Cow<'t, str>, line: u32, column: u32) -> Result<usize, Fault> {
        let index = self.nodes.len();
        if index >= MAX_NODES {
            let message = format!("the file holds more than {MAX_NODES} values");
            return Err(Fault { line, column, message, hint: None });
        }
        self.nodes.push(Raw { kind, line, column, next: index as u32 + 1, text });
        Ok(index)
    }

    /// Says that everything since `index` lies inside it.
    fn close(&mut self, index: usize) {
        let next = self.nodes.len() as u32;
        if let Some(raw) = self.nodes.get_mut(index) {
            raw.next = next;
        }
    }
}

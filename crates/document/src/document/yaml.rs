//! YAML 1.2 into the same nodes as JSON. `granit-parser` reads the text and says where everything stands;
//! here its events become nodes, plain scalars get their JSON type by YAML's core schema, and aliases are
//! copied out, with a limit.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Fault, Kind, MAX_DEPTH, Raw, Tape};

/// Most nodes that aliases may add to a file.
const MAX_ALIASED: usize = 100_000;

/// What is wrong with most files that can't be read.
const SYNTAX: &str = "look at the indentation and the quotes here and in the line above";

/// Reads one YAML document and nothing after it.
pub(super) fn parse(text: &str) -> Result<Tape<'_>, Fault> {
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let (line, column) = (error.marker().line() as u32, error.marker().col() as u32 + 1);
                return Err(Fault { line, column, message: error.info(), hint: Some(SYNTAX.to_owned()) });
            }
        }
    }
    if builder.tape.nodes.is_empty() {
        builder.tape.push(Kind::Null, Cow::Borrowed(""), 1, 1)?;
    }
    Ok(builder.tape)
}

/// The documents of a stream, each with the number of lines above it. A line that begins with `---` begins a document
/// (YAML 1.2.2 section 9.1.2); directives and comments before it belong to it.
pub(super) fn parts(text: &str) -> Vec<(u32, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut above, mut at, mut says_something) = (0, 0, 0, false);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begins =
            line.strip_prefix("---").is_some_and(|rest| !rest.starts_with(|c: char| !c.is_whitespace()));
        if begins && says_something {
            parts.push((above, text.get(start..at).unwrap_or_default()));
            (start, above) = (at, number as u32);
        }
        let content = line.trim();
        says_something = begins || says_something || !(content.is_empty() || line.starts_with(['#', '%']));
        at += line.len();
    }
    parts.push((above, text.get(start..).unwrap_or_default()));
    parts
}

#[derive(Default)]
struct Builder<'t> {
    tape: Tape<'t>,
    open: Vec<Open>,
    anchors: HashMap<usize, Range<usize>>,
    aliased: usize,
    documents: usize,
}

/// A container whose end has not come yet.
struct Open {
    index: usize,
    anchor: usize,
    /// Of an object: whether a key comes next.
    wants_key: Option<bool>,
}

impl<'t> Builder<'t> {
    fn event(&mut self, event: Event<'t>, span: Span) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fault(span, "a second document begins here; a configuration is one only"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(_, anchor, tag) => self.container(Kind::List, anchor, tag.as_deref(), span),
            Event::MappingStart(_, anchor, tag) => self.container(Kind::Map, anchor, tag.as_deref(), span),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.tape.close(open.index);
                    self.remember(open.anchor, open.index);
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Fault> {
        let (line, column) = place(span);
        if self.turn() {
            if text == "<<" && style == ScalarStyle::Plain {
                return Err(fault(span, "merge keys (`<<`) are not supported; write the keys out"));
            }
            let index = self.tape.push(Kind::Key, text, line, column)?;
            self.remember(anchor, index);
            return Ok(());
        }
        let string = match tag.map(Tag::core_suffix) {
            None => style != ScalarStyle::Plain,
            Some(Some(suffix)) => suffix == "str",
            Some(None) => return Err(unknown_tag(span)),
        };
        let (kind, text) = if string { (Kind::Text, text) } else { resolve(text) };
        let index = self.tape.push(kind, text, line, column)?;
        self.remember(anchor, index);
        Ok(())
    }

    fn container(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Fault> {
        if self.turn() {
            return Err(fault(span, "a key must be a single word or string"));
        }
        if tag.is_some_and(|tag| tag.core_suffix().is_none()) {
            return Err(unknown_tag(span));
        }
        let (line, column) = place(span);
        let index = self.tape.push(kind, Cow::Borrowed(""), line, column)?;
        let wants_key = (kind == Kind::Map).then_some(true);
        self.open.push(Open { index, anchor, wants_key });
        Ok(())
    }

    /// Copies what an anchor stands for; findings in it point to the anchor's own lines.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let is_key = self.turn();
        let Some(range) = self.anchors.get(&anchor).cloned() else {
            return Err(fault(span, "this alias stands inside what it refers to"));
        };
        self.aliased += range.len();
        if self.aliased > MAX_ALIASED {
            return Err(fault(span, &format!("aliases stand for more than {MAX_ALIASED} values")));
        }
        if is_key && range.len() != 1 {
            return Err(fault(span, "a key must be a single word or string"));
        }
        let from = range.start;
        let shift = self.tape.nodes.len() - from;
        for index in range {
            let Some(raw) = self.tape.nodes.get(index) else { continue };
            let (kind, text, next) = (raw.kind, raw.text.clone(), raw.next as usize + shift);
            let Raw { line, column, .. } = *raw;
            let kind = match (is_key, kind) {
                (true, _) => Kind::Key,
                // A key's text, used as a value, is a string.
                (false, Kind::Key) if index == from => Kind::Text,
                (false, kind) => kind,
            };
            let copy = self.tape.push(kind, text, line, column)?;
            if let Some(raw) = self.tape.nodes.get_mut(copy) {
                raw.next = next as u32;
            }
        }
        Ok(())
    }

    /// Whether the node that comes now is a key.
    fn turn(&mut self) -> bool {
        match self.open.last_mut().and_then(|open| open.wants_key.as_mut()) {
            Some(wants_key) => std::mem::replace(wants_key, !*wants_key),
            None => false,
        }
    }

    fn remember(&mut self, anchor: usize, index: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, index..self.tape.nodes.len());
        }
    }
}

/// The type of a plain scalar (YAML 1.2.2 section 10.3.2).
fn resolve(text: Cow<'_, str>) -> (Kind, Cow<'_, str>) {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return (Kind::Null, Cow::Borrowed("")),
        "true" | "True" | "TRUE" => return (Kind::Flag(true), Cow::Borrowed("")),
        "false" | "False" | "FALSE" => return (Kind::Flag(false), Cow::Borrowed("")),
        _ => {}
    }
    let plain = text.strip_prefix('+').unwrap_or(&text);
    if plain.parse::<serde_json::Number>().is_ok() {
        let skip = text.len() - plain.len();
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(skip..).unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(text.get(skip..).unwrap_or(&text).to_owned()),
        };
        return (Kind::Number, text);
    }
    let based = match text.get(..2) {
        Some("0x") => text.get(2..).and_then(|digits| u64::from_str_radix(digits, 16).ok()),
        Some("0o") => text.get(2..).and_then(|digits| u64::from_str_radix(digits, 8).ok()),
        _ => None,
    };
    match based {
        Some(number) => (Kind::Number, Cow::Owned(number.to_string())),
        None => (Kind::Text, text),
    }
}

fn place(span: Span) -> (u32, u32) {
    (span.start.line() as u32, span.start.col() as u32 + 1)
}

fn unknown_tag(span: Span) -> Fault {
    fault(span, "only YAML's own tags (`!!str`, `!!int` ...) are supported; remove this one")
}

fn fault(span: Span, message: &str) -> Fault {
    let (line, column) = place(span);
    Fault { line, column, message: message.to_owned(), hint: None }
}

//! JSON by RFC 8259, nothing more: no comments, no trailing commas. The structure is read here because
//! every node needs its line and column and every mistake a sentence that says what belongs there; strings
//! with escapes and numbers are decoded by `serde_json`.

use std::borrow::Cow;

use memchr::memchr2;

use super::{Fault, Kind, MAX_DEPTH, Tape};

/// Reads one JSON value and nothing after it.
pub(super) fn parse(text: &str) -> Result<Tape<'_>, Fault> {
    let mut reader = Reader { text, at: 0, line: 1, line_start: 0, tape: Tape::default() };
    reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(reader.tape),
        Some(_) => Err(reader.fault("expected the end of the file after the closing bracket")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    /// Where the line begins, moved on by one for each byte that continues a character: so that
    /// `at - line_start` counts characters.
    line_start: usize,
    tape: Tape<'t>,
}

impl<'t> Reader<'t> {
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.map(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string(Kind::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn map(&mut self, depth: usize) -> Result<(), Fault> {
        let opened = (self.line, self.column());
        let index = self.open(Kind::Map, depth)?;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'"') => self.string(Kind::Key)?,
                Some(b'}') => return Err(self.fault("expected a key after the comma; remove the comma")),
                None => return Err(self.unclosed("{", opened)),
                Some(_) => return Err(self.fault("expected a key in double quotes")),
            }
            self.skip_space();
            if !self.take(b':') {
                return Err(self.fault("expected `:` after the key"));
            }
            self.value(depth)?;
            self.skip_space();
            if self.take(b',') {
                continue;
            }
            if self.take(b'}') {
                self.tape.close(index);
                return Ok(());
            }
            return Err(match self.peek() {
                None => self.unclosed("{", opened),
                Some(_) => self.fault("expected `,` or `}` after the value"),
            });
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), Fault> {
        let opened = (self.line, self.column());
        let index = self.open(Kind::List, depth)?;
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.skip_space();
            match self.peek() {
                Some(b']') => return Err(self.fault("expected a value after the comma; remove the comma")),
                None => return Err(self.unclosed("[", opened)),
                Some(_) => self.value(depth)?,
            }
            self.skip_space();
            if self.take(b',') {
                continue;
            }
            if self.take(b']') {
                self.tape.close(index);
                return Ok(());
            }
            return Err(match self.peek() {
                None => self.unclosed("[", opened),
                Some(_) => self.fault("expected `,` or `]` after the value"),
            });
        }
    }

    fn open(&mut self, kind: Kind, depth: usize) -> Result<usize, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.fault(&format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let index = self.tape.push(kind, Cow::Borrowed(""), self.line, self.column())?;
        self.at += 1;
        Ok(index)
    }

    fn string(&mut self, kind: Kind) -> Result<(), Fault> {
        let (line, column, start) = (self.line, self.column(), self.at);
        let text = self.text;
        let bytes = text.as_bytes();
        let (mut end, mut escaped) = (start + 1, false);
        let closed = loop {
            match memchr2(b'"', b'\\', bytes.get(end..).unwrap_or_default()) {
                Some(offset) if bytes.get(end + offset) == Some(&b'\\') => {
                    escaped = true;
                    end += offset + 2;
                }
                Some(offset) => break Some(end + offset),
                None => break None,
            }
        };
        let raw = closed.and_then(|closed| text.get(start + 1..closed));
        let (Some(closed), Some(raw)) = (closed, raw) else {
            return Err(self.fault("this string is not closed; expected `\"`"));
        };
        if raw.bytes().any(|byte| byte < 0x20) {
            let message = "this string runs over a line break or holds a control character";
            let mut fault = self.fault(message);
            fault.hint = Some("close it with `\"`, or write \\n".to_owned());
            return Err(fault);
        }
        let content = if escaped {
            let quoted = text.get(start..=closed).unwrap_or_default();
            match serde_json::from_str::<String>(quoted) {
                Ok(content) => Cow::Owned(content),
                Err(_) => return Err(self.fault("this string holds an escape that JSON does not know")),
            }
        } else {
            Cow::Borrowed(raw)
        };
        self.at = closed + 1;
        if !raw.is_ascii() {
            self.line_start += raw.bytes().filter(|byte| byte & 0xc0 == 0x80).count();
        }
        self.tape.push(kind, content, line, column)?;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let digits = self.run(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if digits.parse::<serde_json::Number>().is_err() {
            return Err(self.fault(&format!("`{digits}` is not a number as JSON writes it")));
        }
        self.tape.push(Kind::Number, Cow::Borrowed(digits), self.line, self.column())?;
        self.at += digits.len();
        Ok(())
    }

    fn word(&mut self) -> Result<(), Fault> {
        let word = self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let kind = match word {
            "true" => Kind::Flag(true),
            "false" => Kind::Flag(false),
            "null" => Kind::Null,
            "" => return Err(self.no_value()),
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(self.fault(&format!("expected a value, found `{shown}`; strings stand in \"\"")));
            }
        };
        self.tape.push(kind, Cow::Borrowed(""), self.line, self.column())?;
        self.at += word.len();
        Ok(())
    }

    fn no_value(&self) -> Fault {
        match self.peek() {
            None => self.fault("expected a value, found the end of the file"),
            Some(b'/' | b'#') => self.fault("expected a value; JSON has no comments (YAML has)"),
            Some(b'\'') => self.fault("expected a value; strings stand in double quotes"),
            Some(_) => {
                let found = self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
                self.fault(&format!("expected a value, found `{}`", found.escape_default()))
            }
        }
    }

    /// The bytes from here on for which `belongs` holds; nothing is consumed.
    fn run(&self, belongs: impl Fn(u8) -> bool) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.bytes().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                }
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn column(&self) -> u32 {
        self.at.saturating_sub(self.line_start) as u32 + 1
    }

    fn fault(&self, message: &str) -> Fault {
        Fault { line: self.line, column: self.column(), message: message.to_owned(), hint: None }
    }

    fn unclosed(&self, bracket: &str, (line, column): (u32, u32)) -> Fault {
        self.fault(&format!("the file ends before the `{bracket}` of line {line}, column {column} is closed"))
    }
}

//! Rust source with everything that is not code blanked out.
//!
//! The rules look for words and braces; a brace in a string or a word in a comment would mislead them. This is a
//! scanner for comments, strings and character literals, not a parser: what is left keeps its line and column.

/// Replaces comments, strings and character literals by spaces, keeping every line break.
pub(crate) fn code_only(text: &str) -> String {
    let mut scanner = Scanner { rest: text, out: String::with_capacity(text.len()), in_word: false };
    while scanner.step() {}
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
    /// The last character belongs to an identifier, so an `r` or `b` here starts no literal.
    in_word: bool,
}

impl Scanner<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let blank = match first {
            '/' if self.rest.starts_with("//") => self.rest.find('\n').unwrap_or(self.rest.len()),
            '/' if self.rest.starts_with("/*") => block_comment(self.rest),
            '"' => string(self.rest),
            '\'' => character(self.rest),
            'r' | 'b' | 'c' if !self.in_word => prefixed(self.rest),
            _ => 0,
        };
        if blank == 0 {
            self.out.push(first);
            self.in_word = first.is_alphanumeric() || first == '_';
            self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            let (skipped, rest) = self.rest.split_at_checked(blank).unwrap_or((self.rest, ""));
            self.out.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            self.in_word = false;
            self.rest = rest;
        }
        true
    }
}

/// Length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of a string that starts with a quote.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a character literal, or 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let (Some((_, first)), Some((at, second))) = (chars.next(), chars.next()) else { return 0 };
    match first {
        '\\' => text.char_indices().skip(3).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        _ if second == '\'' => at + 1,
        _ => 0,
    }
}

/// Length of a raw, byte or C string or a byte literal that starts with its prefix, or 0 when it is a plain word.
fn prefixed(text: &str) -> usize {
    let body = text.trim_start_matches(['r', 'b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 2 {
        return 0;
    }
    let raw = text.get(..prefix).is_some_and(|prefix| prefix.contains('r'));
    let literal = match body.chars().next() {
        Some('"') if !raw => string(body),
        Some('\'') if text.starts_with("b'") => character(body),
        Some('"' | '#') if raw => raw_string(body),
        _ => 0,
    };
    if literal == 0 { 0 } else { prefix + literal }
}

/// Length of `#"..."#` with any number of `#`, or 0 for a raw identifier.
fn raw_string(text: &str) -> usize {
    let hashes = text.len() - text.trim_start_matches('#').len();
    if !text.get(hashes..).is_some_and(|rest| rest.starts_with('"')) {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 1;
    match text.get(start..).and_then(|rest| rest.find(&close)) {
        Some(at) => start + at + close.len(),
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_become_blanks_of_the_same_length() {
        let text = "let a = \"{ \\\" }\"; // {\nlet b = 1; /* { /* { */ } */ c";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.lines().count(), 2);
        assert!(!code.contains(['{', '}', '"']));
        assert!(code.contains("let a =") && code.contains("let b = 1;") && code.ends_with(" c"));
    }

    #[test]
    fn raw_and_byte_literals_are_blanked() {
        let code = code_only("x(r#\"{\"{\"#, b\"{\", br\"\\\", b'{', '\\'', '{', c\"{\") }");
        assert_eq!(code.matches('{').count(), 0, "{code}");
        assert!(code.starts_with("x(") && code.ends_with(") }"), "{code}");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        let text = "fn a<'a>(r#type: &'a str, bar: &'static str) { br }";
        assert_eq!(code_only(text), text);
    }
}

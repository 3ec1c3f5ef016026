//! Regular expressions. MOSN compiles them with Go's RE2 syntax, which the `regex` crate shares for all but
//! exotic constructs.

use regex::Regex;

use mecha_document::{Node, shortened};

/// The compiled expression; why it doesn't compile is reported at `node`.
pub(super) fn compile(node: Node<'_>, text: &str) -> Option<Regex> {
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let all = error.to_string();
            let reason = all.lines().last().unwrap_or_default().trim_start_matches("error: ");
            node.error(format!("\"{}\" is not a regular expression: {reason}", shortened(text)));
            None
        }
    }
}

/// A replacement text as MOSN writes it (Go: `$1`, `${1}`, `${name}`, `$$`) or as RE2 does (`\1`), in RE2's
/// form. Groups that the expression does not have are reported: Go would put nothing there.
pub(super) fn substitution(node: Node<'_>, text: &str, regex: &Regex) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let (sign, tail) = tail.split_at(1);
        if sign == "\\" {
            let end = tail.chars().next().map_or(0, char::len_utf8);
            let (name, after) = tail.split_at(end);
            match name {
                "\\" => out.push_str("\\\\"),
                _ => group(node, name, regex, &mut out),
            }
            rest = after;
        } else if let Some(after) = tail.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else {
            let (name, after) = name(tail);
            group(node, name, regex, &mut out);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The group's name after a `$`, and what follows.
fn name(tail: &str) -> (&str, &str) {
    if let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
        return (name, after);
    }
    let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len());
    tail.split_at(end)
}

fn group(node: Node<'_>, name: &str, regex: &Regex, out: &mut String) {
    let number = match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < regex.captures_len()),
        Err(_) => regex.capture_names().position(|known| known == Some(name)),
    };
    match number.filter(|number| *number <= 9) {
        Some(number) => out.push_str(&format!("\\{number}")),
        None => node.error_with(
            format!("the expression has no group \"{}\"", shortened(name)),
            "groups are \\0 (the whole) to \\9; write $$ or \\\\ for the sign itself",
        ),
    }
}

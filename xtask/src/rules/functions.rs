//! Short functions: past 60 lines there is usually a step inside that wants a name.

use crate::finding::Finding;
use crate::repo::Repo;
use crate::source::code_only;

/// Lines past which a function is worth a look.
const WARN: usize = 60;

/// Warnings for long functions.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repo.rust() {
        for function in functions(&code_only(&file.text)).into_iter().filter(|f| f.lines > WARN) {
            let message = format!(
                "function `{}` has {} lines; past {WARN}, look for the step that wants a name",
                function.name, function.lines
            );
            findings.push(Finding::warning(&file.path, function.line, message));
        }
    }
    findings
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    /// The line of `fn`, counted from 1.
    line: usize,
    /// From `fn` to the closing brace.
    lines: usize,
}

/// Every function with a body in source whose comments and strings are blank.
fn functions(code: &str) -> Vec<Function> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, keyword) in code.match_indices("fn ") {
        if code.get(..at).is_some_and(|before| before.ends_with(is_word)) {
            continue;
        }
        let after = code.get(at + keyword.len()..).unwrap_or_default();
        let name: String = after.chars().take_while(|c| is_word(*c)).collect();
        if let Some(length) = body_end(after).filter(|_| !name.is_empty()) {
            let line = code.get(..at).unwrap_or_default().matches('\n').count() + 1;
            let lines = after.get(..length).unwrap_or_default().matches('\n').count() + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// Where the function's body ends, or none for a declaration without one.
fn body_end(after_fn: &str) -> Option<usize> {
    let mut parens = 0_usize;
    let mut braces = 0_usize;
    for (at, c) in after_fn.char_indices() {
        match c {
            '(' | '[' => parens += 1,
            ')' | ']' => parens = parens.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces == 1 => return Some(at),
            '}' => braces = braces.checked_sub(1)?,
            ';' if braces == 0 && parens == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    #[test]
    fn finds_functions_with_their_length() {
        let code = "trait T { fn bare(&self, x: [u8; 4]); }\nimpl A {\n  fn one<'a>(x: [u8; 4]) {\n    if x {}\n  }\n}\n";
        let expected = Function { name: "one".to_owned(), line: 3, lines: 3 };
        assert_eq!(functions(code), [expected]);
    }

    #[test]
    fn a_function_type_is_no_function() {
        assert_eq!(functions("struct A { a: fn (u8) -> u8 }\nconst myfn : u8 = 0;"), []);
    }

    #[test]
    fn a_long_function_is_a_warning_at_its_first_line() {
        let text =
            format!("//! A.\n\nfn long() {{\n{}}}\nfn short() {{}}\n", "    // \"}\"\n    a();\n".repeat(30));
        let found = check(&tree(&[("a.rs", &text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "warning: a.rs:3: function `long` has 62 lines; past 60, look for the step that wants a name"
        );
    }
}

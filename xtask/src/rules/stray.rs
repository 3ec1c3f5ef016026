//! Notes to self and unfinished code: what is left to do is an issue, not a comment.

use crate::finding::Finding;
use crate::repo::{File, Repo};
use crate::source::code_only;

/// Words that mark unfinished business in any text file. Spelled apart, so that this file passes its own rule.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Macros that stand for code nobody wrote yet, or that print while somebody debugs.
const MACROS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Findings for both.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    repo.files().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let notes = file.lines().filter_map(|(number, line)| {
        let note = NOTES.iter().find(|note| has_word(line, note))?;
        let message = format!("`{note}` left behind; finish it, or file an issue and take the note out");
        Some(Finding::error(&file.path, number, message))
    });
    let mut findings: Vec<_> = notes.collect();
    if file.extension() == "rs" {
        let code = code_only(&file.text);
        for (index, line) in code.lines().enumerate() {
            if let Some(stub) = MACROS.iter().find(|stub| has_word(line, stub)) {
                let message = format!("`{stub}` left behind; write the code or leave the feature out");
                findings.push(Finding::error(&file.path, index + 1, message));
            }
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + word.len()..).unwrap_or_default();
        !before.ends_with(is_word) && (word.ends_with('!') || !after.starts_with(is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    #[test]
    fn notes_are_found_in_any_file_and_macros_in_code() {
        let note = concat!("# TO", "DO: later\n");
        let code = "//! A.\n\nfn a() { todo!() }\n";
        let found = check(&tree(&[("run.sh", note), ("a.rs", code)]));
        let places: Vec<_> = found.iter().map(|f| (f.path.as_str(), f.line)).collect();
        assert_eq!(places, [("run.sh", 1), ("a.rs", 3)]);
    }

    #[test]
    fn parts_of_words_and_quoted_macros_are_left_alone() {
        let text = "//! mktemp file.XXXXXX\n\nfn autodo() { say(\"no todo!() here\") }\n";
        assert_eq!(check(&tree(&[("a.rs", text)])), []);
    }
}

//! A Rust file opens with a `//!` paragraph: what it is, why it is here, who calls it.

use crate::finding::Finding;
use crate::repo::Repo;

/// Findings for files whose first line is something else.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    repo.rust()
        .filter(|file| {
            let first = file.text.lines().next().unwrap_or_default();
            first.strip_prefix("//!").is_none_or(|rest| rest.trim().is_empty())
        })
        .map(|file| {
            let message = "the file does not open with `//!`; say in a paragraph what it is, why it is here, who calls it";
            Finding::error(&file.path, 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    #[test]
    fn the_first_line_must_say_what_the_file_is() {
        let repo = tree(&[
            ("a.rs", "//! A thing.\nfn a() {}\n"),
            ("b.rs", "use std::fmt;\n//! Late.\n"),
            ("c.rs", "//!\nfn c() {}\n"),
            ("d.rs", ""),
            ("e.md", "no header wanted"),
        ]);
        let paths: Vec<_> = check(&repo).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["b.rs", "c.rs", "d.rs"]);
    }
}

//! Small rooms: a long source file hides a noun that wants its own file.

use crate::finding::Finding;
use crate::repo::{File, Repo};

/// Lines past which a file is worth a look.
const WARN: usize = 400;
/// Lines past which a file is refused.
const FAIL: usize = 600;
/// Lines past which a file of tests or a table of cases is refused: a table grows by rows, not by ideas.
const FAIL_CASES: usize = 900;

const SOURCE: &[&str] = &["rs", "py", "sh", "js", "ts", "go", "java"];

/// Findings for long source files.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    repo.files().filter(|file| is_source(file)).filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let limit = if holds_cases(file) { FAIL_CASES } else { FAIL };
    if lines > limit {
        let message = format!("{lines} lines, more than {limit}; split it by noun");
        return Some(Finding::error(&file.path, lines, message));
    }
    (lines > WARN && limit == FAIL).then(|| {
        let message = format!("{lines} lines; past {WARN}, look for the noun that wants its own file");
        Finding::warning(&file.path, lines, message)
    })
}

fn is_source(file: &File) -> bool {
    SOURCE.contains(&file.extension()) || file.text.starts_with("#!")
}

fn holds_cases(file: &File) -> bool {
    let stem = file.name().rsplit_once('.').map_or(file.name(), |(stem, _)| stem);
    stem == "tests"
        || stem.ends_with("cases")
        || file.path.contains("/tests/")
        || file.path.contains("cases/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;
    use crate::repo::tree;

    fn level(path: &str, lines: usize) -> Option<Level> {
        check(&tree(&[(path, &"x\n".repeat(lines))])).first().map(|finding| finding.level)
    }

    #[test]
    fn a_file_is_warned_past_400_lines_and_refused_past_600() {
        assert_eq!(level("crates/a/src/b.rs", 400), None);
        assert_eq!(level("crates/a/src/b.rs", 401), Some(Level::Warning));
        assert_eq!(level("crates/a/src/b.rs", 600), Some(Level::Warning));
        assert_eq!(level("crates/a/src/b.rs", 601), Some(Level::Error));
    }

    #[test]
    fn tests_and_tables_of_cases_may_have_900() {
        for path in [
            "crates/a/src/b/tests.rs",
            "crates/a/tests/http.rs",
            "crates/a/src/framing_cases.rs",
            "a/cases/b.rs",
        ] {
            assert_eq!(level(path, 900), None);
            assert_eq!(level(path, 901), Some(Level::Error));
        }
    }

    #[test]
    fn only_source_files_count() {
        assert_eq!(level("Cargo.lock", 5000), None);
        assert_eq!(level("docs/page.md", 5000), None);
        let script = format!("#!/usr/bin/env bash\n{}", "x\n".repeat(600));
        assert_eq!(check(&tree(&[("test", &script)])).len(), 1);
    }
}

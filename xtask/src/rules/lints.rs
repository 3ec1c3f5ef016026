//! Every package of the workspace takes the workspace's lints; cargo does not do that by itself.

use crate::finding::Finding;
use crate::repo::Repo;

/// Findings for packages without `[lints] workspace = true`.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    repo.packages()
        .iter()
        // A package with a workspace of its own (fuzz) has nothing to inherit from.
        .filter(|package| !package.inherits_lints && !package.own_workspace)
        .map(|package| {
            let message =
                "the workspace's lints are not taken; add the two lines `[lints]` and `workspace = true`";
            Finding::error(&package.path, 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    #[test]
    fn a_package_must_take_the_lints_unless_it_is_its_own_workspace() {
        let repo = tree(&[
            ("Cargo.toml", "[workspace]\nmembers = []\n"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n[lints]\nworkspace = true\n"),
            ("fuzz/Cargo.toml", "[package]\nname = \"fuzz\"\n[workspace]\n"),
        ]);
        let found = check(&repo);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/a/Cargo.toml");
    }
}

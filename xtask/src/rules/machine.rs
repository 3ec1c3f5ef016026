//! Nothing in the tree belongs to one machine: no home or build path, no host of a package registry.
//!
//! Paths like that work for the one who wrote them; a registry's host in a file goes round the mirror somebody
//! else has set up.

use crate::finding::Finding;
use crate::repo::Repo;

/// Starts of absolute paths that exist on one machine only.
const PATHS: &[&str] = &["/root/", "/work/", "/home/", "/Users/", "/opt/wheels"];

/// Paths under those that are part of a format we read: MOSN's own installation folder.
const KNOWN: &[&str] = &["/home/admin/"];

/// Hosts of package registries, spelled apart, so that this file passes its own rule.
const HOSTS: &[&str] = &[
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("proxy.", "golang.org"),
    concat!("sum.", "golang.org"),
    concat!("pypi", ".org"),
    concat!("files.", "pythonhosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("deb.", "debian.org"),
    concat!("repo1.", "maven.org"),
    concat!("repo.", "maven.apache.org"),
];

/// What may stand before an absolute path; a `/` inside a longer path or a URL is something else.
const BEFORE: &[char] = &[' ', '\t', '"', '\'', '`', '=', '(', '<', '[', ',', ':', '>'];

/// This file has to name the paths.
const SELF: &str = "xtask/src/rules/machine.rs";

/// Findings for both.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repo.files().filter(|file| file.path != SELF) {
        for (number, line) in file.lines() {
            if let Some(path) = PATHS.iter().find(|path| has_path(line, path)) {
                let message =
                    format!("a path of one machine (`{path}...`); make it relative, or an argument");
                findings.push(Finding::error(&file.path, number, message));
            }
            if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
                let message = format!(
                    "a registry's host (`{host}`); name the package and leave the host to its client"
                );
                findings.push(Finding::error(&file.path, number, message));
            }
        }
    }
    findings
}

fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let rest = line.get(at..).unwrap_or_default();
        (before.is_empty() || before.ends_with(BEFORE)) && !KNOWN.iter().any(|known| rest.starts_with(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    #[test]
    fn machine_paths_and_registry_hosts_are_found() {
        let text = "cd /root/mecha\nlog: \"/home/me/x\"\nurl=https://static.crates.io/x\n";
        let found = check(&tree(&[("a.sh", text)]));
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn request_paths_and_known_folders_are_left_alone() {
        let text = "GET http://x/work/1\n/home\n\"log\": \"/home/admin/mosn/logs\"\nlib/root/x\n";
        assert_eq!(check(&tree(&[("a.md", text)])), []);
    }
}

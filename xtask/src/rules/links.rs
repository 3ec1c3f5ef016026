//! Links between pages: a relative link leads to a file of the tree, and its `#part` to a heading there.

use crate::finding::Finding;
use crate::repo::{File, Repo};

/// Findings for links that lead nowhere.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    repo.files().filter(|file| file.extension() == "md").flat_map(|page| check_page(repo, page)).collect()
}

fn check_page(repo: &Repo, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(page) {
        for target in targets(&line) {
            if let Err(message) = resolve(repo, page, target) {
                findings.push(Finding::error(&page.path, number, message));
            }
        }
    }
    findings
}

fn resolve(repo: &Repo, page: &File, target: &str) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, part) = target.split_once('#').map_or((target, None), |(path, part)| (path, Some(part)));
    let path = if path.is_empty() { Some(page.path.clone()) } else { join(&page.path, path) };
    let Some(path) = path.filter(|path| repo.exists(path)) else {
        return Err(format!("link `{target}` leads to no file; mend the path or take the link out"));
    };
    let headings = repo.file(&path).filter(|file| file.extension() == "md").map(headings);
    match (part, headings) {
        (Some(part), Some(headings)) if !headings.iter().any(|heading| heading == part) => {
            Err(format!("link `{target}` leads to no heading of {path}; it has: {}", headings.join(", ")))
        }
        _ => Ok(()),
    }
}

/// The lines of a page that are not code, with code spans blanked, and their numbers.
fn prose(page: &File) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    page.lines().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fence && !fenced).then(|| (number, without_code(line)))
    })
}

fn without_code(line: &str) -> String {
    let mut code = false;
    line.chars()
        .map(|c| {
            code ^= c == '`';
            if code { ' ' } else { c }
        })
        .collect()
}

/// The targets of `[text](target)` and `[name]: target` in a line.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let reference = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    inline
        .chain(reference)
        .map(|target| target.split_whitespace().next().unwrap_or_default().trim_matches(['<', '>']))
        .collect()
}

/// The `target` relative to the folder of `page`; none when it leaves the repository.
fn join(page: &str, target: &str) -> Option<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The names by which a page's headings can be linked: lower case, spaces to dashes, punctuation dropped.
fn headings(page: &File) -> Vec<String> {
    let mut fenced = false;
    let mut names = Vec::new();
    for (_, line) in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if let Some(title) = line.strip_prefix('#').filter(|_| !fenced) {
            let title = title.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            names.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    fn broken(text: &str) -> Vec<String> {
        let repo = tree(&[
            ("docs/page.md", text),
            ("docs/other.md", "# Retries and time-outs\n\n```\n# not a heading\n```\n## `x` again\n"),
            ("examples/mosn/http/mosn.json", "{}"),
        ]);
        check(&repo).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_to_files_folders_headings_and_elsewhere_hold() {
        let text = "[a](other.md) [b](../examples/) [c](../examples/mosn/http/mosn.json) [d](https://example.org/x)\n\
                    [e](other.md#retries-and-time-outs) [f](other.md#x-again) [g](./other.md \"title\")\n\
                    [ref]: other.md\n`[h](gone.md)`\n```\n[i](gone.md)\n```\n";
        assert_eq!(broken(text), Vec::<String>::new());
    }

    #[test]
    fn a_link_to_nothing_is_found_at_its_line() {
        let found = broken(
            "# Page\n\n[a](gone.md)\n[b](../../outside.md) [c](other.md#nothing)\n[d](#page) [e](#no)\n",
        );
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("error: docs/page.md:3: link `gone.md` leads to no file"));
        assert!(found[1].contains(":4: link `../../outside.md`"));
        assert!(found[2].contains("it has: retries-and-time-outs, x-again"));
        assert!(found[3].contains(":5: link `#no`"));
    }
}

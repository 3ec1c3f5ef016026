//! Runs the rules and prints what they found, errors last, with one closing line that counts the rules.

use crate::finding::Level;
use crate::repo::Repo;
use crate::rules::RULES;

/// Runs every rule; true when none is broken.
pub(crate) fn check(repo: &Repo) -> bool {
    let mut errors = Vec::new();
    let mut broken = 0_usize;
    for rule in RULES {
        let (bad, worth_a_look): (Vec<_>, Vec<_>) =
            (rule.check)(repo).into_iter().partition(|finding| finding.level == Level::Error);
        for finding in worth_a_look {
            println!("{finding} [{}]", rule.name);
        }
        broken += usize::from(!bad.is_empty());
        errors.extend(bad.into_iter().map(|finding| format!("{finding} [{}]", rule.name)));
    }
    for error in &errors {
        println!("{error}");
    }
    println!("xtask check: {} rules passed, {broken} failed", RULES.len() - broken);
    broken == 0
}

/// The rules, one a line.
pub(crate) fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    RULES.iter().map(|rule| format!("{:width$}  {}\n", rule.name, rule.says)).collect()
}

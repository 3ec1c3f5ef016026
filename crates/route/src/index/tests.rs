use proptest::prelude::*;
use regex::Regex;

use super::*;

/// Rules over a small alphabet, so that they often overlap.
fn rule() -> impl Strategy<Value = PathRule> {
    let text = "(/[abAB]{0,2}){0,3}";
    prop_oneof![
        1 => Just(PathRule::Any),
        6 => text.prop_map(|text| PathRule::Prefix(text.into())),
        6 => text.prop_map(|text| PathRule::Exact(text.into())),
        1 => "[ab]{1,2}".prop_map(|text| PathRule::Regex(Regex::new(&text).unwrap())),
    ]
}

/// All numbers the index offers, in the order in which it offers them.
fn offered(index: &Index, rules: &[PathRule], path: &str) -> Vec<u32> {
    let mut seen = Vec::new();
    let none = index.first(path, |number, known| {
        let matches = rules[number as usize].matches(path);
        assert!(matches || !known, "{path} is said to match {:?}", rules[number as usize]);
        if matches {
            seen.push(number);
        }
        false
    });
    assert_eq!(none, None);
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn it_offers_what_a_walk_over_all_rules_finds_in_the_same_order(
        rules in prop::collection::vec(rule(), 0..40),
        paths in prop::collection::vec("(/[abAB]{0,3}){0,4}", 1..10),
    ) {
        let index = Index::build(rules.iter());
        for path in paths {
            let walk: Vec<u32> = (0..).zip(&rules).filter(|(_, rule)| rule.matches(&path)).map(|(n, _)| n).collect();
            prop_assert_eq!(offered(&index, &rules, &path), walk, "{}", path);
        }
    }
}

#[test]
fn the_first_that_is_accepted_ends_the_search() {
    let rules = [PathRule::Any, PathRule::Prefix("/".into()), PathRule::Exact("/A".into()), PathRule::Any];
    let index = Index::build(rules.iter());
    let mut asked = Vec::new();
    let found = index.first("/a", |number, _| {
        asked.push(number);
        number == 2
    });
    assert_eq!((found, asked), (Some(2), vec![0, 1, 2]));
}

#[test]
fn long_paths_and_deep_chains_are_found() {
    let deep: String = "/a".repeat(300);
    let rules: Vec<PathRule> = (1..=300).rev().map(|n| PathRule::Prefix(deep[..2 * n].into())).collect();
    let index = Index::build(rules.iter());
    assert_eq!(offered(&index, &rules, &deep), (0..300).collect::<Vec<_>>());
    let rules = [PathRule::Exact(deep.to_uppercase().into())];
    assert_eq!(offered(&Index::build(rules.iter()), &rules, &deep), [0]);
}

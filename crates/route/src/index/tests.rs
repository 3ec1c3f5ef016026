//! The index against a walk over all routes, on random tables.

use mecha_config::route::{HeaderMatch, PathMatch, RouteMatch, ValueMatch};
use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::table::tests::{header, request};

fn matcher(path: PathMatch, headers: Vec<HeaderMatch>) -> Matcher {
    Matcher::build(&RouteMatch { path, headers })
}

/// Paths over a small alphabet, so that they often overlap.
fn path() -> impl Strategy<Value = PathMatch> {
    let text = "(/[abAB]{0,2}){0,3}";
    prop_oneof![
        2 => Just(PathMatch::Any),
        6 => text.prop_map(PathMatch::Prefix),
        6 => text.prop_map(PathMatch::Exact),
        4 => Just(PathMatch::Prefix("/".into())),
        1 => "[ab]{1,2}".prop_map(|text| PathMatch::Regex(Regex::new(&text).unwrap())),
    ]
}

fn headers() -> impl Strategy<Value = Vec<HeaderMatch>> {
    let one = (
        "[xy]",
        prop_oneof![
            4 => "[123]".prop_map(ValueMatch::Exact),
            1 => Just(ValueMatch::Present),
        ],
    );
    prop::collection::vec(one.prop_map(|(name, value)| header(&name, value)), 0..3)
}

/// All numbers that match of those that the index offers, in the order in which it offers them.
fn offered(index: &Index, matchers: &[&Matcher], head: &RequestHead) -> Vec<u32> {
    let mut seen = Vec::new();
    let path = head.path();
    let none = index.first(path, head, |number, known| {
        let matcher = matchers[number as usize];
        assert!(matcher.path.matches(path) || !known, "{path} is said to match {matcher}");
        if matcher.matches(path, head) {
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
    fn it_offers_what_a_walk_over_all_routes_finds_in_the_same_order(
        rules in prop::collection::vec((path(), headers()), 0..60),
        targets in prop::collection::vec("(/[abAB]{0,3}){0,4}", 1..8),
        fields in prop::collection::vec(("[xy]", "[123]"), 0..3),
    ) {
        let built: Vec<Matcher> = rules.into_iter().map(|(path, headers)| matcher(path, headers)).collect();
        let matchers: Vec<&Matcher> = built.iter().collect();
        let index = Index::build(&matchers);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        for target in targets {
            let head = request("a", &target, &fields);
            let matches = |(_, matcher): &(u32, &&Matcher)| matcher.matches(&target, &head);
            let walk: Vec<u32> = (0..).zip(&matchers).filter(matches).map(|(number, _)| number).collect();
            prop_assert_eq!(offered(&index, &matchers, &head), walk, "{}", target);
        }
    }
}

#[test]
fn the_first_that_is_accepted_ends_the_search() {
    let rules =
        [PathMatch::Any, PathMatch::Prefix("/".into()), PathMatch::Exact("/A".into()), PathMatch::Any];
    let built = rules.map(|path| matcher(path, vec![]));
    let index = Index::build(&built.iter().collect::<Vec<_>>());
    let mut asked = Vec::new();
    let found = index.first("/a", &request("a", "/a", &[]), |number, _| {
        asked.push(number);
        number == 2
    });
    assert_eq!((found, asked), (Some(2), vec![0, 1, 2]));
}

#[test]
fn long_paths_and_deep_chains_are_found() {
    let deep: String = "/a".repeat(300);
    let head = request("a", &deep, &[]);
    let prefix = |n: usize| matcher(PathMatch::Prefix(deep[..2 * n].to_owned()), vec![]);
    let built: Vec<Matcher> = (1..=300).rev().map(prefix).collect();
    let matchers: Vec<&Matcher> = built.iter().collect();
    assert_eq!(offered(&Index::build(&matchers), &matchers, &head), (0..300).collect::<Vec<_>>());
    let exact = matcher(PathMatch::Exact(deep.to_uppercase()), vec![]);
    assert_eq!(offered(&Index::build(&[&exact]), &[&exact], &head), [0]);
}

#[test]
fn many_routes_of_one_path_are_told_apart_by_a_header() {
    let value = |n: usize| vec![header("service", ValueMatch::Exact(format!("s{n}")))];
    let mut built: Vec<Matcher> =
        (0..1_000).map(|n| matcher(PathMatch::Prefix("/".into()), value(n))).collect();
    built.push(matcher(PathMatch::Any, vec![]));
    let matchers: Vec<&Matcher> = built.iter().collect();
    let index = Index::build(&matchers);
    let mut asked = Vec::new();
    let head = request("a", "/", &[("Service", "s999")]);
    index.first("/", &head, |number, _| {
        asked.push(number);
        false
    });
    assert_eq!(asked, [999, 1000], "only what can match is asked");
}

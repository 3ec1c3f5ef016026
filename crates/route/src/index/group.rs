//! Routes of one path rule. When there are many, most of them ask for different values of the same header (MOSN keeps
//! such an index for the header `service`, reference 1.7 rule 3), so they are found by its value.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use mecha_http::RequestHead;

use super::{Candidates, Numbers};
use crate::matcher::{Field, Matcher};

/// With fewer routes than this that ask for a value of one header, a walk is as fast.
const KEYED_FROM: usize = 9;

/// The routes of one path rule.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Those that `keyed` does not know.
    walked: Numbers,
    keyed: Option<Box<Keyed>>,
}

/// Routes by the value that they ask of one header.
#[derive(Debug)]
struct Keyed {
    field: Field,
    by_value: HashMap<Box<[u8]>, Numbers, RandomState>,
}

impl Group {
    /// From route numbers, ascending, and the conditions of all routes.
    pub(super) fn build(numbers: Numbers, matchers: &[&Matcher]) -> Self {
        let Some(field) = common_field(&numbers, matchers) else {
            return Group { walked: numbers, keyed: None };
        };
        let mut keyed = Keyed { field, by_value: HashMap::default() };
        let mut walked = Numbers::new();
        for number in numbers {
            let exact = matchers.get(number as usize).and_then(|matcher| keyed.value_in(matcher));
            match exact {
                Some(value) => keyed.by_value.entry(value.as_bytes().into()).or_default().push(number),
                None => walked.push(number),
            }
        }
        Group { walked, keyed: Some(Box::new(keyed)) }
    }

    /// Adds the routes whose path rule matches, as this group's does.
    #[inline]
    pub(super) fn offer<'a>(&'a self, head: &RequestHead, candidates: &mut Candidates<'a>) {
        if !self.walked.is_empty() {
            candidates.push((&self.walked, true));
        }
        let Some(keyed) = &self.keyed else { return };
        if let Some(numbers) = keyed.field.of(head).and_then(|value| keyed.by_value.get(value)) {
            candidates.push((numbers, true));
        }
    }
}

impl Keyed {
    /// The value that a route asks of the field. One that asks for two can't match, and is found by the first.
    fn value_in<'a>(&self, matcher: &'a Matcher) -> Option<&'a str> {
        matcher.exact_headers().find(|(field, _)| **field == self.field).map(|(_, value)| value)
    }
}

/// The field of which most routes ask for a value, when they are many.
fn common_field(numbers: &[u32], matchers: &[&Matcher]) -> Option<Field> {
    if numbers.len() < KEYED_FROM {
        return None;
    }
    let mut counts: HashMap<&Field, usize, RandomState> = HashMap::default();
    for matcher in numbers.iter().filter_map(|number| matchers.get(*number as usize)) {
        for (field, _) in matcher.exact_headers() {
            *counts.entry(field).or_default() += 1;
        }
    }
    let (field, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= KEYED_FROM).then(|| field.clone())
}

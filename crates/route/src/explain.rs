//! Why a request goes where it goes: the answer to `GET /api/v1/explain`. It walks over every route and says of each
//! why it does not match; off the request path.

use std::sync::Arc;

use mecha_http::RequestHead;

use crate::domain::DomainMatch;
use crate::entry::RouteEntry;
use crate::table::RouteTable;

/// How a table decides about one request.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The virtual host; `None` when no domain fits the authority.
    pub virtual_host: Option<ChosenHost>,
    /// The routes that were tried in vain, and the one that matched, in order.
    pub trials: Vec<Trial>,
    /// The route that matched; `None` when none does.
    pub route: Option<Arc<RouteEntry>>,
}

/// The virtual host of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenHost {
    /// Its name.
    pub name: String,
    /// Which of its domains matched.
    pub domain: String,
    /// How.
    pub why: DomainMatch,
}

/// One route that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its place in the virtual host, from 0.
    pub number: u32,
    /// What it asks for.
    pub condition: String,
    /// Why it does not match; `None` when it does.
    pub mismatch: Option<String>,
}

impl RouteTable {
    /// Explains how the request is routed; it agrees with [`RouteTable::resolve`].
    pub fn explain(&self, head: &RequestHead) -> Explanation {
        let mut explanation = Explanation { virtual_host: None, trials: Vec::new(), route: None };
        let Some((host, why, domain)) = self.virtual_host(head) else { return explanation };
        explanation.virtual_host =
            Some(ChosenHost { name: host.name.to_string(), domain: domain.to_owned(), why });
        for route in host.routes() {
            let mismatch = mismatch(route, head);
            let matched = mismatch.is_none();
            explanation.trials.push(Trial { number: route.number, condition: route.condition(), mismatch });
            if matched {
                explanation.route = Some(route.clone());
                break;
            }
        }
        explanation
    }
}

fn mismatch(route: &RouteEntry, head: &RequestHead) -> Option<String> {
    let matcher = route.matcher();
    let path = head.path();
    if !matcher.path.matches(path) {
        return Some(format!("the path is \"{path}\""));
    }
    matcher.refuses(head).map(|rule| rule.complain(head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::{header, request, table, to};
    use mecha_config::route::{PathMatch, ValueMatch};

    #[test]
    fn it_says_why_each_route_did_not_match() {
        let mut with_header = to(PathMatch::Prefix("/".into()), "b");
        with_header.matcher.headers = vec![header("x-user", ValueMatch::Exact("me".into()))];
        let routes = vec![
            to(PathMatch::Exact("/login".into()), "a"),
            with_header,
            to(PathMatch::Prefix("/".into()), "c"),
            to(PathMatch::Any, "d"),
        ];
        let table = table(&[(&["*.test:*"], routes)]);

        let explained = table.explain(&request("a.test:80", "/x?q", &[]));
        let host = explained.virtual_host.unwrap();
        assert_eq!((host.domain.as_str(), host.why), ("*.test:*", DomainMatch::SuffixAnyPort));
        let trials: Vec<_> =
            explained.trials.iter().map(|trial| (&*trial.condition, trial.mismatch.as_deref())).collect();
        assert_eq!(
            trials,
            [
                ("path \"/login\"", Some("the path is \"/x\"")),
                ("prefix \"/\", header \"x-user\" = \"me\"", Some("header \"x-user\" is missing")),
                ("prefix \"/\"", None),
            ]
        );
        assert_eq!(explained.route.unwrap().number, 2);

        let other = table.explain(&request("a.test:80", "/x", &[("x-user", "you")]));
        assert_eq!(other.trials[1].mismatch.as_deref(), Some("header \"x-user\" is \"you\""));
        assert!(table.explain(&request("elsewhere", "/", &[])).virtual_host.is_none());
    }
}

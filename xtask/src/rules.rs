//! The rules, one file each. A new rule is a new file and a line in [`RULES`].

mod functions;
mod headers;
pub(crate) mod layers;
mod links;
mod lints;
mod machine;
mod size;
mod stray;

use crate::finding::Finding;
use crate::repo::Repo;

/// One rule of the house.
pub(crate) struct Rule {
    /// Printed behind each finding.
    pub(crate) name: &'static str,
    /// The rule in one sentence.
    pub(crate) says: &'static str,
    /// Looks at the whole tree.
    pub(crate) check: fn(&Repo) -> Vec<Finding>,
}

/// Every rule, in the order in which they run.
pub(crate) const RULES: &[Rule] = &[
    Rule { name: "layers", says: "a crate depends only on crates of earlier layers", check: layers::check },
    Rule { name: "lints", says: "every package takes the workspace's lints", check: lints::check },
    Rule { name: "headers", says: "a Rust file opens with a //! paragraph", check: headers::check },
    Rule {
        name: "size",
        says: "a source file is short (warned past 400 lines, refused past 600)",
        check: size::check,
    },
    Rule { name: "functions", says: "a function is at most 60 lines long (warned)", check: functions::check },
    Rule {
        name: "stray",
        says: "no note to self and no unfinished code is left behind",
        check: stray::check,
    },
    Rule {
        name: "links",
        says: "a relative link in a page leads to a file and a heading",
        check: links::check,
    },
    Rule { name: "machine", says: "no path of one machine and no registry's host", check: machine::check },
];

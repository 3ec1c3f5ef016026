//! Names of fields that frames don't spell: what every protocol knows of a call is offered to routing under one name.
//! Spans of such names point into a table of ours instead of the frame, told apart by the highest bit.

use crate::http1::Span;

/// The table: names one after the other.
pub static NAMES: &str = "dubboservicemethodversiongroupinterfaceclass";

/// The bit of positions in [`NAMES`].
const OWN: u32 = 1 << 31;

/// The spans of the names.
pub mod name {
    use super::{Span, find};

    /// The version of Dubbo's protocol that the frame names.
    pub const DUBBO: Span = find("dubbo");
    /// The service that is called, without its version: Dubbo's path, Bolt's target, TARS' servant.
    pub const SERVICE: Span = find("service");
    /// The method that is called.
    pub const METHOD: Span = find("method");
    /// The version of the service.
    pub const VERSION: Span = find("version");
    /// The group of the service.
    pub const GROUP: Span = find("group");
    /// The service's interface.
    pub const INTERFACE: Span = find("interface");
    /// The class of a Bolt frame's content.
    pub const CLASS: Span = find("class");
}

/// Whether a span of a name points into [`NAMES`].
pub const fn is_own(span: Span) -> bool {
    span.at & OWN != 0
}

/// The name that a span into [`NAMES`] stands for; empty when it is none.
pub fn own_name(span: Span) -> &'static [u8] {
    Span { at: span.at & !OWN, len: span.len }.slice(NAMES.as_bytes())
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses what is out of range")]
const fn find(name: &str) -> Span {
    let (table, wanted) = (NAMES.as_bytes(), name.as_bytes());
    let mut at = 0;
    loop {
        let mut same = 0;
        while same < wanted.len() && table[at + same] == wanted[same] {
            same += 1;
        }
        if same == wanted.len() {
            return Span { at: OWN | at as u32, len: wanted.len() as u32 };
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_found_in_the_table() {
        assert_eq!(own_name(name::DUBBO), b"dubbo");
        assert_eq!(own_name(name::METHOD), b"method");
        assert_eq!(own_name(name::CLASS), b"class");
        assert!(is_own(name::SERVICE) && !is_own(Span { at: 7, len: 7 }));
    }
}

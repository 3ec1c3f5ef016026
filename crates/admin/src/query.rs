//! The query of a URL as names and values (WHATWG URL, section 5: `application/x-www-form-urlencoded`).

use std::fmt;

use mecha_base::percent::{self, Plus};

/// Names and values in order, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// A name or value that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadQuery(String);

impl fmt::Display for BadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot decode \"{}\" in the query: after % come two hexadecimal digits, and the bytes are UTF-8",
            self.0
        )
    }
}

impl Query {
    /// Splits and decodes a query, without its question mark.
    pub(crate) fn parse(text: &str) -> Result<Query, BadQuery> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Query(decoded.collect::<Result<_, _>>()?))
    }

    /// How many different names there are.
    pub(crate) fn names(&self) -> usize {
        let first =
            |index: &usize| self.0.iter().take(*index).all(|(name, _)| Some(name) != self.name(*index));
        (0..self.0.len()).filter(first).count()
    }

    /// The first name and its value.
    pub(crate) fn first(&self) -> Option<(&str, &str)> {
        self.0.first().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A name that is none of `known`.
    pub(crate) fn stranger(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    fn name(&self, index: usize) -> Option<&String> {
        self.0.get(index).map(|(name, _)| name)
    }
}

fn decode(text: &str) -> Result<String, BadQuery> {
    let bytes = percent::decode_strict(text.as_bytes(), Plus::Space);
    let decoded = bytes.ok().and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
    decoded.ok_or_else(|| BadQuery(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let query = Query::parse("a=1&b=x%2By+z&&a=%C3%BC&c&d=e=f").unwrap();
        assert_eq!(query.get("b"), Some("x+y z"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "\u{fc}"]);
        assert_eq!((query.get("c"), query.get("d"), query.get("e")), (Some(""), Some("e=f"), None));
        assert_eq!(query.names(), 4);
        assert_eq!(query.stranger(&["a", "b", "d"]), Some("c"));
        assert_eq!(Query::parse("").unwrap().first(), None);
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "%ff=1", "a=%+1"] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }
}

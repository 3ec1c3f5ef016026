//! The `metadata` of a component: names and values as the file gives them, secrets already put in. Names match in any
//! case, as Dapr's do. Readers name the key when a value can't be used.

use std::collections::BTreeMap;
use std::time::Duration;

use mecha_base::names::nearest;

use crate::error::{Error, Result};

/// Names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, (String, String)>);

impl Properties {
    /// The value of `name`; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(&name.to_ascii_lowercase())
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// When it is absent or empty.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| {
            let near =
                nearest(name, self.iter().filter(|(_, value)| !value.is_empty()).map(|(other, _)| other));
            let near = near.map(|near| format!(" (is {near} meant for it?)")).unwrap_or_default();
            Error::configuration(format!("missing {name}: add it to spec.metadata{near}"))
        })
    }

    /// The value of `name` as `T`.
    ///
    /// # Errors
    /// When it is there and does not parse.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>> {
        let wrong = |value: &str| {
            Error::configuration(format!("{name}: `{value}` is not a valid value of this setting"))
        };
        self.get(name).map(|value| value.trim().parse().map_err(|_| wrong(value))).transpose()
    }

    /// The value of `name` as Go programs read truth: `1 t true y yes on` in any case is true, anything else is not.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let truthy = ["1", "t", "true", "y", "yes", "on"];
        self.get(name).map(|value| truthy.contains(&value.trim().to_ascii_lowercase().as_str()))
    }

    /// The value of `name` as a Go duration (`1m30s`) or a bare number of `unit`.
    ///
    /// # Errors
    /// When it is there and is neither.
    pub fn duration(&self, name: &str, unit: Duration) -> Result<Option<Duration>> {
        let Some(value) = self.get(name).map(str::trim) else { return Ok(None) };
        if let Ok(number) = value.parse::<u32>() {
            return Ok(Some(unit * number));
        }
        mecha_base::duration::parse(value).map(Some).map_err(|_| {
            Error::configuration(format!("{name}: `{value}` is not a duration such as 500ms or 1m30s"))
        })
    }

    /// Sets `name`, whatever its case.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.0.insert(name.to_ascii_lowercase(), (name, value.into()));
    }

    /// Every name as written, with its value, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut properties = Properties::default();
        for (name, value) in entries {
            properties.set(name, value);
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_property_is_named_with_what_may_be_meant_for_it() {
        let properties: Properties =
            [("redisHots", "127.0.0.1:6379"), ("redisHost", "")].into_iter().collect();
        let error = properties.required("redisHost").unwrap_err().to_string();
        assert!(
            error.contains("missing redisHost: add it to spec.metadata (is redisHots meant for it?)"),
            "{error}"
        );
        let error = Properties::default().required("redisHost").unwrap_err().to_string();
        assert!(error.ends_with("add it to spec.metadata"), "{error}");
    }
}

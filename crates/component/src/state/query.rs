//! The query language of the state API (reference 1.2: `filter`, `sort`, `page`) over items that a driver can walk
//! through: stores without an index of their own list [`crate::Feature::QueryApi`] by it. Every item of the key prefix is
//! looked at, so a query costs what a scan costs.

mod filter;
mod value;

use std::cmp::Ordering;

use serde_json::Value;

use self::filter::Filter;
use super::{Item, QueryResponse};
use crate::{Error, Result};

/// A query, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    filter: Option<Filter>,
    sort: Vec<Sort>,
    limit: Option<usize>,
    skip: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Sort {
    path: String,
    descending: bool,
}

/// A matching item and what it is sorted by.
struct Found {
    key: String,
    item: Item,
    by: Vec<Option<Value>>,
}

impl Query {
    /// Reads a query. Parts that are absent or null ask for nothing.
    ///
    /// # Errors
    /// When it makes no sense; the message names the field.
    pub fn parse(query: &Value) -> Result<Self> {
        let Value::Object(fields) = query else {
            return Err(Error::invalid("query: must be an object with `filter`, `sort` and `page`"));
        };
        let field = |name| fields.get(name).filter(|value| !value.is_null());
        let (limit, skip) = field("page").map_or(Ok((None, 0)), page)?;
        Ok(Query {
            filter: field("filter").map(Filter::root).transpose()?.flatten(),
            sort: field("sort").map_or(Ok(Vec::new()), sort)?,
            limit,
            skip,
        })
    }

    /// Picks from `items`, which come in the order of their keys. Values that are no JSON match no filter. The token of
    /// the answer is the number of items before the next page.
    pub fn run(&self, items: impl IntoIterator<Item = (String, Item)>) -> QueryResponse {
        let end = self.limit.map_or(usize::MAX, |limit| self.skip.saturating_add(limit));
        let mut found = Vec::new();
        for (key, item) in items {
            // What is not sorted needs one item more than the page, to know that there is a next one.
            if self.sort.is_empty() && found.len() > end {
                break;
            }
            found.extend(self.look_at(key, item));
        }
        if !self.sort.is_empty() {
            found.sort_by(|a, b| self.order(a, b));
        }
        let token = if found.len() > end { end.to_string() } else { String::new() };
        let page = found.into_iter().skip(self.skip).take(self.limit.unwrap_or(usize::MAX));
        QueryResponse {
            results: page.map(|found| (found.key, found.item)).collect(),
            token,
            metadata: super::Metadata::new(),
        }
    }

    fn look_at(&self, key: String, item: Item) -> Option<Found> {
        if self.filter.is_none() && self.sort.is_empty() {
            return Some(Found { key, item, by: Vec::new() });
        }
        let document = serde_json::from_slice(&item.value).ok();
        if let Some(filter) = &self.filter
            && !document.as_ref().is_some_and(|document| filter.matches(document))
        {
            return None;
        }
        let by =
            |sort: &Sort| document.as_ref().and_then(|document| value::at(document, &sort.path)).cloned();
        let by = self.sort.iter().map(by).collect();
        Some(Found { key, item, by })
    }

    fn order(&self, a: &Found, b: &Found) -> Ordering {
        let each = self.sort.iter().zip(a.by.iter().zip(&b.by)).map(|(sort, (a, b))| match (a, b) {
            (Some(a), Some(b)) if sort.descending => value::order(b, a),
            (Some(a), Some(b)) => value::order(a, b),
            // Items without the field come last in either direction.
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        each.fold(Ordering::Equal, Ordering::then).then_with(|| a.key.cmp(&b.key))
    }
}

fn sort(value: &Value) -> Result<Vec<Sort>> {
    let Value::Array(entries) = value else {
        return Err(Error::invalid("query.sort: must be a list of {\"key\", \"order\"}"));
    };
    let read = |(index, entry): (usize, &Value)| {
        let path = entry.get("key").and_then(Value::as_str).filter(|path| !path.is_empty());
        let path = path
            .ok_or_else(|| Error::invalid(format!("query.sort[{index}].key: must be a path such as a.b")))?;
        let descending = match entry.get("order").map(|order| order.as_str().unwrap_or_default()) {
            None | Some("") => false,
            Some(order) if order.eq_ignore_ascii_case("ASC") => false,
            Some(order) if order.eq_ignore_ascii_case("DESC") => true,
            Some(_) => {
                return Err(Error::invalid(format!("query.sort[{index}].order: must be ASC or DESC")));
            }
        };
        Ok(Sort { path: path.to_owned(), descending })
    };
    entries.iter().enumerate().map(read).collect()
}

/// Most items of the page, and how many come before it.
fn page(value: &Value) -> Result<(Option<usize>, usize)> {
    let limit = match value.get("limit") {
        None | Some(Value::Null) => None,
        Some(limit) => {
            Some(limit.as_u64().and_then(|limit| usize::try_from(limit).ok()).ok_or_else(|| {
                Error::invalid("query.page.limit: must be a whole number of items, zero for all of them")
            })?)
        }
    };
    let skip = match value.get("token") {
        None | Some(Value::Null) => 0,
        Some(token) => match token.as_str() {
            Some("") => 0,
            token => token.and_then(|token| token.parse().ok()).ok_or_else(|| {
                Error::invalid("query.page.token: is not one that a query of this store has answered")
            })?,
        },
    };
    Ok((limit.filter(|limit| *limit > 0), skip))
}

#[cfg(test)]
mod tests;

//! Listing keys by pattern: the whole key space is walked, since Redis has no order of keys, and the keys of the page are
//! kept. Costs what the number of all keys costs, for every page.

use std::collections::BTreeSet;

use mecha_component::Result;
use mecha_component::state::like::Like;
use redis::{FromRedisValue, Pipeline, Value};

use super::item::Abilities;
use crate::error;
use crate::link::{Link, Place, Retry};
use crate::options::Kind;

/// How many keys the server looks at before it answers; it serves others between.
const STEP: usize = 1000;

/// See [`mecha_component::state::StateStore::keys_like`]; the token is the last key of the page before.
pub(super) async fn keys_like(
    link: &Link,
    abilities: Abilities,
    pattern: &str,
    page: Option<usize>,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    let like = Like::of_page(pattern, page)?;
    let mut page = Page { keys: BTreeSet::new(), size: page, after: token.map(str::to_owned), more: false };
    for place in nodes(link).await? {
        walk(link, place, &like, abilities, &mut page).await?;
    }
    let next = page.more.then(|| page.keys.last().cloned()).flatten();
    Ok((page.keys.into_iter().collect(), next))
}

/// The first keys after a token.
struct Page {
    keys: BTreeSet<String>,
    size: Option<usize>,
    after: Option<String>,
    /// Whether there are keys after the page.
    more: bool,
}

impl Page {
    fn add(&mut self, key: String) {
        if self.after.as_ref().is_some_and(|after| key <= *after) {
            return;
        }
        self.keys.insert(key);
        if self.size.is_some_and(|size| self.keys.len() > size) {
            self.keys.pop_last();
            self.more = true;
        }
    }
}

async fn walk(
    link: &Link,
    place: Place<'static>,
    like: &Like,
    abilities: Abilities,
    page: &mut Page,
) -> Result<()> {
    let glob = glob(like);
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = Pipeline::new();
        scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(STEP);
        // Topics may be in the same database. Documents have a type of their own, whose name depends on the module.
        if !abilities.json {
            scan.arg("TYPE").arg("hash");
        }
        let answer = link.send(&scan, place, Retry::Harmless).await?.pop().unwrap_or_default();
        if let Value::ServerError(error) = answer {
            return Err(error::of(&error.into(), link.options()));
        }
        let (next, keys) =
            <(String, Vec<Vec<u8>>)>::from_redis_value(answer).map_err(|_| error::unexpected("a scan"))?;
        // A key that is no text is none of ours.
        let texts = keys.into_iter().filter_map(|key| String::from_utf8(key).ok());
        texts.filter(|key| like.matches(key)).for_each(|key| page.add(key));
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

/// A glob that matches every key the pattern does, and some that it does not: a glob's `?` is one byte.
fn glob(like: &Like) -> String {
    like.translate("?*", "*", |c, out| {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            out.push('\\');
        }
        out.push(c);
    })
}

/// Where to walk: in a cluster, at a slot of every master.
async fn nodes(link: &Link) -> Result<Vec<Place<'static>>> {
    if link.options().kind != Kind::Cluster {
        return Ok(vec![Place::Anywhere]);
    }
    let mut ask = Pipeline::new();
    ask.cmd("CLUSTER").arg("SLOTS");
    let answer = link.send(&ask, Place::Anywhere, Retry::Harmless).await?.pop().unwrap_or_default();
    let ranges = match answer {
        Value::Array(ranges) => ranges,
        Value::ServerError(error) => return Err(error::of(&error.into(), link.options())),
        _ => return Err(error::unexpected("the slots")),
    };
    let mut seen = Vec::new();
    let mut places = Vec::new();
    for range in ranges {
        let Value::Array(parts) = range else { return Err(error::unexpected("the slots")) };
        let [Value::Int(start), _, master, ..] = parts.as_slice() else {
            return Err(error::unexpected("the slots"));
        };
        if !seen.contains(master) {
            seen.push(master.clone());
            places.push(Place::Slot(u16::try_from(*start).map_err(|_| error::unexpected("the slots"))?));
        }
    }
    Ok(places)
}

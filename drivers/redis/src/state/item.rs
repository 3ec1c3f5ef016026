//! Reading items, and what the server can do.

use futures_util::stream::{self, StreamExt};
use mecha_component::state::{BulkItem, Item, ttl};
use mecha_component::{Error, Result};
use redis::{FromRedisValue, Pipeline, RedisError, Value};

use super::batch::{AT_ONCE, groups};
use super::write::Layout;
use crate::error;
use crate::link::{Link, Place, Retry};
use crate::options::Options;

/// Which commands the server knows beyond those that every one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// `PEXPIRETIME`, since version 7: tells a time that does not move with our clock.
    pub(super) expire_time: bool,
    /// The JSON module.
    pub(super) json: bool,
    /// The search module.
    pub(super) search: bool,
}

impl Abilities {
    /// Asks the server; one that does not tell has none of them.
    pub(super) async fn of(link: &Link) -> Result<Self> {
        let mut ask = Pipeline::new();
        ask.cmd("COMMAND").arg("INFO").arg("PEXPIRETIME").arg("JSON.SET").arg("FT.SEARCH");
        let answer = link.send(&ask, Place::Anywhere, Retry::Harmless).await?.pop();
        let Some(Value::Array(commands)) = answer else { return Ok(Abilities::default()) };
        let knows = |index| commands.get(index).is_some_and(|command| !matches!(command, Value::Nil));
        Ok(Abilities { expire_time: knows(0), json: knows(1), search: knows(2) })
    }

    /// Whether there can be queries.
    pub(super) fn queries(self) -> bool {
        self.json && self.search
    }
}

/// How many replicas the server has now; none when it does not tell.
pub(super) async fn connected_replicas(link: &Link) -> u32 {
    let mut ask = Pipeline::new();
    ask.cmd("INFO").arg("replication");
    let answer = link.send(&ask, Place::Anywhere, Retry::Harmless).await.ok().and_then(|mut all| all.pop());
    let text = answer.and_then(|answer| String::from_redis_value(answer).ok()).unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("connected_slaves:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The item under a key.
pub(super) async fn get(
    link: &Link,
    key: &str,
    layout: Layout,
    abilities: Abilities,
) -> Result<Option<Item>> {
    let mut pipeline = Pipeline::new();
    ask(&mut pipeline, key, layout, abilities);
    let answers = link.send(&pipeline, Place::Key(key), Retry::Harmless).await?;
    finish(link, key, read(&answers, layout, abilities, link.options())).await
}

/// The items under several keys, in their order.
pub(super) async fn get_each(
    link: &Link,
    wanted: Vec<(Layout, String)>,
    abilities: Abilities,
) -> Result<Vec<BulkItem>> {
    let mut found: Vec<_> =
        wanted.iter().map(|(_, key)| BulkItem { key: key.clone(), item: Ok(None) }).collect();
    let groups = groups(link.options(), wanted.into_iter().enumerate().collect(), |(_, key)| key);
    let mut answers = stream::iter(groups)
        .map(|group| async move {
            let items = get_group(link, &group, abilities).await;
            group.into_iter().map(|(index, _)| index).zip(items).collect::<Vec<_>>()
        })
        .buffer_unordered(AT_ONCE);
    while let Some(group) = answers.next().await {
        for (index, item) in group {
            if let Some(place) = found.get_mut(index) {
                place.item = item;
            }
        }
    }
    drop(answers);
    Ok(found)
}

async fn get_group(
    link: &Link,
    group: &[(usize, (Layout, String))],
    abilities: Abilities,
) -> Vec<Result<Option<Item>>> {
    let mut pipeline = Pipeline::with_capacity(group.len() * 3);
    for (_, (layout, key)) in group {
        ask(&mut pipeline, key, *layout, abilities);
    }
    let Some((_, (_, first))) = group.first() else { return Vec::new() };
    let answers = match link.send(&pipeline, Place::Key(first), Retry::Harmless).await {
        Ok(answers) => answers,
        Err(error) => return group.iter().map(|_| Err(error.clone())).collect(),
    };
    let mut rest = answers.as_slice();
    let mut items = Vec::with_capacity(group.len());
    for (_, (layout, key)) in group {
        let (own, others) = rest.split_at(width(*layout).min(rest.len()));
        rest = others;
        items.push(finish(link, key, read(own, *layout, abilities, link.options())).await);
    }
    items
}

/// How many commands [`ask`] sends.
fn width(layout: Layout) -> usize {
    match layout {
        Layout::Hash => 2,
        Layout::Json => 3,
    }
}

fn ask(pipeline: &mut Pipeline, key: &str, layout: Layout, abilities: Abilities) {
    pipeline.cmd(if abilities.expire_time { "PEXPIRETIME" } else { "PTTL" }).arg(key);
    match layout {
        Layout::Hash => {
            pipeline.cmd("HMGET").arg(key).arg("data").arg("version");
        }
        Layout::Json => {
            pipeline.cmd("JSON.GET").arg(key).arg(".data");
            pipeline.cmd("JSON.GET").arg(key).arg(".version");
        }
    }
}

/// What is under a key.
enum Found {
    Item(Option<Item>),
    /// Something that is no item of ours.
    Foreign,
}

fn read(answers: &[Value], layout: Layout, abilities: Abilities, options: &Options) -> Result<Found> {
    let (expiry, fields) = match (layout, answers) {
        (Layout::Hash, [expiry, Value::Array(fields)]) => (expiry, fields.as_slice()),
        (Layout::Json, [expiry, fields @ ..]) => (expiry, fields),
        (Layout::Hash, [_, error @ Value::ServerError(_)]) => (&Value::Nil, std::slice::from_ref(error)),
        _ => return Err(error::unexpected("a read")),
    };
    let mut texts = Vec::with_capacity(fields.len());
    for field in fields {
        match field {
            Value::ServerError(error) if error.code() == "WRONGTYPE" => return Ok(Found::Foreign),
            // A document without this member.
            Value::ServerError(_) if layout == Layout::Json => texts.push(None),
            Value::ServerError(error) => {
                return Err(error::of(&RedisError::from(error.clone()), options));
            }
            Value::Nil => texts.push(None),
            Value::BulkString(bytes) => texts.push(Some(bytes.clone())),
            other => texts.push(Some(
                Vec::<u8>::from_redis_value(other.clone()).map_err(|_| error::unexpected("a read"))?,
            )),
        }
    }
    let mut texts = texts.into_iter();
    let Some(value) = texts.next().flatten() else { return Ok(Found::Item(None)) };
    let etag = texts.next().flatten().map(|version| String::from_utf8_lossy(&version).into_owned());
    Ok(Found::Item(Some(Item {
        value: value.into(),
        etag,
        metadata: ttl::metadata(expires_at(expiry, abilities)),
        content_type: None,
    })))
}

/// Milliseconds since the epoch; below zero, Redis says that there is none.
fn expires_at(answer: &Value, abilities: Abilities) -> Option<u64> {
    let Value::Int(millis) = answer else { return None };
    let millis = u64::try_from(*millis).ok()?;
    Some(if abilities.expire_time { millis } else { ttl::now().saturating_add(millis) })
}

/// A plain string is an item without an etag: stores that were there before etags had such.
async fn finish(link: &Link, key: &str, found: Result<Found>) -> Result<Option<Item>> {
    match found? {
        Found::Item(item) => return Ok(item),
        Found::Foreign => {}
    }
    let mut pipeline = Pipeline::new();
    pipeline.cmd("GET").arg(key);
    match link.send(&pipeline, Place::Key(key), Retry::Harmless).await?.pop() {
        Some(Value::BulkString(value)) => Ok(Some(Item { value: value.into(), ..Default::default() })),
        Some(Value::Nil) => Ok(None),
        Some(Value::ServerError(error)) if error.code() == "WRONGTYPE" => Err(Error::internal(format!(
            "what Redis has under `{key}` is no item: it was not written as state, or with contentType application/json, \
             which reading it needs too"
        ))),
        Some(Value::ServerError(error)) => Err(error::of(&error.into(), link.options())),
        _ => Err(error::unexpected("a read")),
    }
}

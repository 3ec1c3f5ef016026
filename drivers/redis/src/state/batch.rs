//! Sending writes: one, several each on their own, or several as a whole. What belongs together goes in one pipeline; in a
//! cluster that is what one slot has.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use mecha_component::{Error, ErrorKind, Result};
use redis::cluster_routing::Slot;
use redis::{Pipeline, RedisError, Value};
use tokio::runtime::Handle;

use super::item::connected_replicas;
use super::script::{self, Mode, Named};
use super::write::Write;
use crate::error;
use crate::link::{Link, Place, Retry};
use crate::options::{Kind, Options};

/// Most commands of one pipeline.
pub(super) const PIPELINE: usize = 256;
/// Most pipelines under way for one request.
pub(super) const AT_ONCE: usize = 32;
/// How long a strongly consistent write waits for the replicas; Dapr's number.
const REPLICAS_WITHIN: Duration = Duration::from_secs(1);

/// The way of writes to Redis.
pub(super) struct Writer {
    link: Link,
    /// For writes that wait for replicas: waiting blocks a connection, and counts what that connection has written.
    strong: Option<Link>,
    replicas: AtomicU32,
}

impl Writer {
    /// Looks for replicas; without any, a strong write is like the others.
    pub(super) async fn new(link: Link, options: &Arc<Options>, tasks: &Handle) -> Result<Self> {
        let replicas = connected_replicas(&link).await;
        let strong = match replicas {
            0 => None,
            _ => Some(Link::open(options, tasks, REPLICAS_WITHIN).await?),
        };
        Ok(Writer { link, strong, replicas: AtomicU32::new(replicas) })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    pub(super) fn close(&self) {
        self.link.close();
        if let Some(strong) = &self.strong {
            strong.close();
        }
    }

    /// Carries out one write.
    pub(super) async fn one(&self, write: Write, strong: bool) -> Result<()> {
        let writes = [&write];
        let answer = self.call(Mode::Do, &writes, strong).await?;
        outcome(answer, &writes)
    }

    /// Carries out each write on its own; what became of them, in their order.
    pub(super) async fn each(&self, writes: Vec<Result<Write>>, strong: bool) -> Vec<Result<()>> {
        let mut done = Vec::with_capacity(writes.len());
        let mut good = Vec::with_capacity(writes.len());
        for (index, write) in writes.into_iter().enumerate() {
            done.push(write.map(|write| good.push((index, write))));
        }
        let groups = groups(self.link.options(), good, |write| &write.key);
        let mut results = stream::iter(groups)
            .map(|group| async move {
                let writes: Vec<_> = group.iter().map(|(_, write)| write).collect();
                let results = self.group(&writes, strong).await;
                group.into_iter().map(|(index, _)| index).zip(results).collect::<Vec<_>>()
            })
            .buffer_unordered(AT_ONCE);
        while let Some(group) = results.next().await {
            for (index, result) in group {
                if let Some(place) = done.get_mut(index) {
                    *place = result;
                }
            }
        }
        drop(results);
        done
    }

    /// Carries out all writes or none.
    pub(super) async fn all(&self, writes: Vec<Write>) -> Result<()> {
        let writes = writes.iter().enumerate().collect();
        let groups = by_slot(self.link.options(), writes, |write| &write.key);
        let writes = |group: Vec<(usize, _)>| group.into_iter().map(|(_, write)| write).collect();
        let groups: Vec<Vec<&Write>> = groups.into_iter().map(writes).collect();
        if groups.len() > 1 {
            for group in &groups {
                outcome(self.call(Mode::Check, group, false).await?, group)?;
            }
        }
        let mut begun = false;
        for group in &groups {
            let answer = self.call(Mode::Do, group, false).await;
            let done = answer.and_then(|answer| outcome(answer, group));
            done.map_err(|error| if begun { torn(&error) } else { error })?;
            begun = true;
        }
        Ok(())
    }

    /// The writes of one pipeline.
    async fn group(&self, writes: &[&Write], strong: bool) -> Vec<Result<()>> {
        let single = |named: fn(usize) -> Named, writes: &[&Write]| {
            let mut pipeline = Pipeline::with_capacity(writes.len());
            for (index, write) in writes.iter().enumerate() {
                pipeline.add_command(script::call(named(index), Mode::Do, &[*write]));
            }
            pipeline
        };
        let answers = self.send(single(|_| Named::Hash, writes), writes, strong).await;
        let mut answers = match answers {
            Ok(answers) => answers,
            Err(error) => return writes.iter().map(|_| Err(error.clone())).collect(),
        };
        if answers.iter().any(is_unknown) {
            let unknown = answers.iter().zip(writes).filter(|(answer, _)| is_unknown(answer));
            let again: Vec<_> = unknown.map(|(_, write)| *write).collect();
            // The first call makes the script known to those after it.
            let named = |index| if index == 0 { Named::Text } else { Named::Hash };
            match self.send(single(named, &again), &again, strong).await {
                Ok(mut later) => {
                    later.reverse();
                    for answer in answers.iter_mut().filter(|answer| is_unknown(answer)) {
                        *answer = later.pop().unwrap_or_default();
                    }
                }
                Err(error) => return writes.iter().map(|_| Err(error.clone())).collect(),
            }
        }
        let options = self.link.options();
        let each = answers.into_iter().zip(writes);
        each.map(|(answer, write)| outcome(number(answer, options)?, &[write])).collect()
    }

    /// One call for all `writes`, which are of one slot; the number of the first whose condition does not hold, or zero.
    async fn call(&self, mode: Mode, writes: &[&Write], strong: bool) -> Result<usize> {
        let call = |named| {
            let mut pipeline = Pipeline::with_capacity(1);
            pipeline.add_command(script::call(named, mode, writes));
            pipeline
        };
        let mut answers = self.send(call(Named::Hash), writes, strong).await?;
        if answers.first().is_some_and(is_unknown) {
            answers = self.send(call(Named::Text), writes, strong).await?;
        }
        number(answers.into_iter().next().unwrap_or_default(), self.link.options())
    }

    /// Sends calls for `writes` of one slot; with `strong`, waits until the replicas have them too.
    async fn send(&self, mut calls: Pipeline, writes: &[&Write], strong: bool) -> Result<Vec<Value>> {
        let Some(first) = writes.first() else { return Ok(Vec::new()) };
        let place = Place::Key(&first.key);
        let harmless = writes.iter().all(|write| write.is_harmless_twice());
        let retry = if harmless { Retry::Harmless } else { Retry::IfNotDone };
        let replicas = self.replicas.load(Ordering::Relaxed);
        let link = match &self.strong {
            Some(link) if strong && replicas > 0 => link,
            _ => return self.link.send(&calls, place, retry).await,
        };
        calls.cmd("WAIT").arg(replicas).arg(REPLICAS_WITHIN.as_millis() as u64);
        let mut answers = link.send_blocking(&calls, place, retry, REPLICAS_WITHIN).await?;
        match answers.pop() {
            Some(Value::Int(reached)) if reached >= i64::from(replicas) => {}
            Some(Value::Int(reached)) => {
                tracing::debug!("Redis at {}: {reached} of {replicas} replicas have a write", link.options());
                // There may be fewer now.
                self.replicas.store(connected_replicas(&self.link).await, Ordering::Relaxed);
            }
            Some(Value::ServerError(error)) => return Err(error::of(&error.into(), link.options())),
            _ => return Err(error::unexpected("WAIT")),
        }
        Ok(answers)
    }
}

/// In a cluster, what one slot has; else all together.
pub(super) fn by_slot<T>(
    options: &Options,
    each: Vec<(usize, T)>,
    key: impl Fn(&T) -> &str,
) -> Vec<Vec<(usize, T)>> {
    if options.kind != Kind::Cluster {
        return if each.is_empty() { Vec::new() } else { vec![each] };
    }
    let mut slots: HashMap<Slot, Vec<(usize, T)>> = HashMap::new();
    for (index, one) in each {
        slots.entry(Slot::for_key(key(&one))).or_default().push((index, one));
    }
    slots.into_values().collect()
}

/// As [`by_slot`], none larger than a pipeline may be.
pub(super) fn groups<T>(
    options: &Options,
    each: Vec<(usize, T)>,
    key: impl Fn(&T) -> &str,
) -> Vec<Vec<(usize, T)>> {
    let mut groups = Vec::new();
    for mut group in by_slot(options, each, key) {
        while group.len() > PIPELINE {
            let rest = group.split_off(PIPELINE);
            groups.push(std::mem::replace(&mut group, rest));
        }
        groups.push(group);
    }
    groups
}

/// Whether the server does not know the script by its hash.
fn is_unknown(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

fn number(answer: Value, options: &Options) -> Result<usize> {
    match answer {
        Value::Int(number) => usize::try_from(number).map_err(|_| error::unexpected("a write")),
        Value::ServerError(error) => Err(error::of(&RedisError::from(error), options)),
        _ => Err(error::unexpected("a write")),
    }
}

fn outcome(first_wrong: usize, writes: &[&Write]) -> Result<()> {
    match first_wrong.checked_sub(1).and_then(|index| writes.get(index)) {
        None => Ok(()),
        Some(write) => Err(Error::etag_mismatch(Some(&format!("{}: another version is stored", write.key)))),
    }
}

/// A transaction over several slots that was overtaken half-way.
fn torn(error: &Error) -> Error {
    let text = format!(
        "the transaction was done in part: {error}; its keys are in several slots of the cluster, give them a common {{tag}}"
    );
    Error::new(ErrorKind::Internal, text)
}

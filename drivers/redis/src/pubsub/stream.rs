//! The commands on a stream and its group.

use std::sync::Arc;
use std::time::Duration;

use mecha_component::Result;
use redis::{Cmd, FromRedisValue, Pipeline, Value};

use super::message::{Entry, entries};
use crate::error;
use crate::link::{Link, Place, Retry};

/// A topic as one group sees it.
pub(super) struct Stream {
    /// For everything but reading.
    pub(super) link: Arc<Link>,
    pub(super) topic: String,
    /// Also the name of the group's consumer.
    pub(super) group: String,
}

/// What came of an attempt to read.
pub(super) enum Read {
    /// Perhaps none.
    Entries(Vec<Entry>),
    /// The stream or its group is gone.
    NoGroup,
}

/// A message that was handed over and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: String,
    /// Since it was handed over, or somebody said that it is held.
    pub(super) idle: Duration,
}

impl Stream {
    /// Makes the group, and the stream with it, where they are not there; it begins with what the stream has.
    pub(super) async fn make_group(&self) -> Result<()> {
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE").arg(&self.topic).arg(&self.group).arg("0").arg("MKSTREAM");
        match self.run(make).await? {
            Value::ServerError(error) if error.code() != "BUSYGROUP" => {
                Err(error::of(&error.into(), self.link.options()))
            }
            _ => Ok(()),
        }
    }

    /// Reads what nobody of the group got yet; waits up to `block` for it, on `reading`.
    pub(super) async fn read(&self, reading: &Link, count: usize, block: Duration) -> Result<Read> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.group).arg(&self.group).arg("COUNT").arg(count);
        read.arg("BLOCK").arg(block.as_millis() as u64).arg("STREAMS").arg(&self.topic).arg(">");
        let mut pipeline = Pipeline::new();
        pipeline.add_command(read);
        let place = Place::Key(&self.topic);
        let mut answers = reading.send_blocking(&pipeline, place, Retry::Never, block).await?;
        match answers.pop().unwrap_or_default() {
            // The second is said to a reader that waits when the stream is deleted.
            Value::ServerError(error) if matches!(error.code(), "NOGROUP" | "UNBLOCKED") => Ok(Read::NoGroup),
            Value::ServerError(error) => Err(error::of(&error.into(), reading.options())),
            Value::Nil => Ok(Read::Entries(Vec::new())),
            Value::Array(streams) => {
                // One stream was asked for: its name and its entries.
                let Some(Value::Array(stream)) = streams.into_iter().next() else {
                    return Ok(Read::Entries(Vec::new()));
                };
                let found = stream.into_iter().nth(1).and_then(|found| entries(found, &self.topic));
                found.map(Read::Entries).ok_or_else(|| error::unexpected("XREADGROUP"))
            }
            _ => Err(error::unexpected("XREADGROUP")),
        }
    }

    /// At most `count` pending messages of the group from `start` on, in order; none when there is no group.
    pub(super) async fn pending(&self, start: &str, count: usize) -> Result<Vec<Pending>> {
        let mut ask = redis::cmd("XPENDING");
        ask.arg(&self.topic).arg(&self.group).arg(start).arg("+").arg(count);
        match self.run(ask).await? {
            Value::ServerError(error) if error.code() == "NOGROUP" => Ok(Vec::new()),
            Value::ServerError(error) => Err(error::of(&error.into(), self.link.options())),
            answer => {
                let rows = Vec::<(String, String, u64, u64)>::from_redis_value(answer);
                let rows = rows.map_err(|_| error::unexpected("XPENDING"))?;
                let pending = |(id, _, idle, _)| Pending { id, idle: Duration::from_millis(idle) };
                Ok(rows.into_iter().map(pending).collect())
            }
        }
    }

    /// Takes messages over that are still pending for `idle`; those that somebody else took, or that are gone, are not in
    /// the answer.
    pub(super) async fn claim(&self, ids: &[String], idle: Duration) -> Result<Vec<Entry>> {
        let mut claim = self.claiming(idle);
        claim.arg(ids);
        match self.run(claim).await? {
            Value::ServerError(error) if error.code() == "NOGROUP" => Ok(Vec::new()),
            Value::ServerError(error) => Err(error::of(&error.into(), self.link.options())),
            answer => entries(answer, &self.topic).ok_or_else(|| error::unexpected("XCLAIM")),
        }
    }

    /// Says that messages have been pending for `idle`: nothing for those that are held, long for those given back.
    pub(super) async fn set_idle(&self, ids: &[String], idle: Duration) -> Result<()> {
        let mut claim = self.claiming(Duration::ZERO);
        claim.arg(ids).arg("IDLE").arg(idle.as_millis() as u64).arg("JUSTID");
        self.done(claim).await
    }

    /// Takes messages off the list that are pending and no longer in the stream.
    pub(super) async fn forget_deleted(&self, ids: &[String]) -> Result<()> {
        for id in ids {
            let mut range = redis::cmd("XRANGE");
            range.arg(&self.topic).arg(id).arg(id);
            if matches!(self.run(range).await?, Value::Array(found) if found.is_empty()) {
                self.acknowledge(id).await?;
            }
        }
        Ok(())
    }

    /// Says that a message is done with.
    pub(super) async fn acknowledge(&self, id: &str) -> Result<()> {
        let mut ack = redis::cmd("XACK");
        ack.arg(&self.topic).arg(&self.group).arg(id);
        self.done(ack).await
    }

    fn claiming(&self, idle: Duration) -> Cmd {
        let mut claim = redis::cmd("XCLAIM");
        claim.arg(&self.topic).arg(&self.group).arg(&self.group).arg(idle.as_millis() as u64);
        claim
    }

    async fn done(&self, command: Cmd) -> Result<()> {
        match self.run(command).await? {
            Value::ServerError(error) if error.code() != "NOGROUP" => {
                Err(error::of(&error.into(), self.link.options()))
            }
            _ => Ok(()),
        }
    }

    async fn run(&self, command: Cmd) -> Result<Value> {
        let mut pipeline = Pipeline::new();
        pipeline.add_command(command);
        let answers = self.link.send(&pipeline, Place::Key(&self.topic), Retry::Harmless).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }
}

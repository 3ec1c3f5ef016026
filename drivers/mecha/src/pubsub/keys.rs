//! Where a topic's things are: messages (`m`), marks (`k`), the positions of groups (`g`) and the floor (`f`), each under
//! its letter, the keyspace and the topic's name with its length before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use mecha_component::Result;

use super::marks::Mark;
use super::position::Position;
use crate::engine::{Change, Engine, Write, after_prefix};
use crate::settings::Settings;

/// The prefixes of one broker.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    messages: Vec<u8>,
    marks: Vec<u8>,
    groups: Vec<u8>,
    floor: Vec<u8>,
}

impl Space {
    /// Those of a component.
    pub(crate) fn of(settings: &Settings) -> Self {
        let prefix = |kind| settings.prefix(kind);
        Space { messages: prefix(b'm'), marks: prefix(b'k'), groups: prefix(b'g'), floor: prefix(b'f') }
    }

    /// The topics to which anything was published and is kept.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn topics(&self, engine: &Arc<Engine>) -> Result<Vec<String>> {
        let skip = self.marks.len();
        let names = move |scan: &mut crate::engine::Scan<'_>| {
            let mut names: Vec<String> = scan.filter_map(|(key, _)| name_in(key.get(skip..)?)).collect();
            names.dedup();
            names
        };
        engine.scan(self.marks.clone(), after_prefix(&self.marks), names).await
    }
}

fn name_in(mut key: &[u8]) -> Option<String> {
    let length = usize::from(key.try_get_u16().ok()?);
    String::from_utf8(key.get(..length)?.to_vec()).ok()
}

/// The keys of one topic.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// What messages are appended under.
    pub(crate) messages: Bytes,
    marks: Bytes,
    groups: Bytes,
    floor: Bytes,
}

impl Keys {
    /// Those of a topic; its name has at most 65,535 bytes.
    pub(crate) fn new(space: &Space, topic: &str) -> Self {
        let under = |prefix: &[u8]| {
            let length = u16::try_from(topic.len()).unwrap_or(u16::MAX);
            Bytes::from([prefix, &length.to_be_bytes()[..], topic.as_bytes()].concat())
        };
        Keys {
            messages: under(&space.messages),
            marks: under(&space.marks),
            groups: under(&space.groups),
            floor: under(&space.floor),
        }
    }

    /// The first number that is kept.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn read_floor(&self, engine: &Engine) -> Result<u64> {
        let record = engine.get(&self.floor).await?;
        Ok(record.and_then(|mut record| record.data.try_get_u64().ok()).unwrap_or(0))
    }

    /// What has to be written to cut the log at `floor`.
    pub(crate) fn write_floor(&self, floor: u64) -> Vec<Write> {
        let data = Bytes::copy_from_slice(&floor.to_be_bytes());
        let cut = |prefix: &Bytes| Write::any(Change::Truncate { prefix: prefix.clone(), upto: floor });
        let put = Write::any(Change::Put { key: self.floor.clone(), expires: 0, data });
        vec![put, cut(&self.messages), cut(&self.marks)]
    }

    /// The groups that ever read the topic.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn read_groups(&self, engine: &Engine) -> Result<Vec<(String, Position)>> {
        let skip = self.groups.len();
        let group = move |(key, record): (Bytes, crate::engine::Record)| {
            let name = String::from_utf8(key.get(skip..)?.to_vec()).ok()?;
            Some((name, Position::decode(record.data)?))
        };
        let (from, to) = (self.groups.to_vec(), after_prefix(&self.groups));
        engine.scan(from, to, move |scan| scan.filter_map(group).collect()).await
    }

    /// What has to be written to store a position.
    pub(crate) fn write_position(&self, group: &str, position: &Position) -> Write {
        let key = Bytes::from([&self.groups, group.as_bytes()].concat());
        Write::any(Change::Put { key, expires: 0, data: position.encode() })
    }

    /// The marks of the log.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn read_marks(&self, engine: &Engine) -> Result<BTreeMap<u64, Mark>> {
        let (from, to) = (self.marks.to_vec(), after_prefix(&self.marks));
        let mark =
            |(_, record): (Bytes, crate::engine::Record)| Some((record.version, Mark::decode(record.data)?));
        engine.scan(from, to, move |scan| scan.filter_map(mark).collect()).await
    }

    /// What has to be written to add a mark.
    pub(crate) fn write_mark(&self, mark: Mark) -> Write {
        Write::any(Change::Append { prefix: self.marks.clone(), expires: 0, data: mark.encode() })
    }
}

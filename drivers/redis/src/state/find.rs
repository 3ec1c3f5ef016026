//! Queries, where the server has the search and the JSON module. An index covers every document of the database; the
//! items of other applications are left out of the answer here.

mod filter;
mod index;

use mecha_component::state::{Item, QueryRequest, QueryResponse};
use mecha_component::{Error, Properties, Result};
use redis::{Cmd, Pipeline, Value};

use self::filter::Question;
use self::index::Index;
use super::item::Abilities;
use crate::error;
use crate::link::{Link, Place, Retry};

/// The metadata key that names the index of a query.
const INDEX_NAME: &str = "queryIndexName";
/// How many documents are asked for at once.
const STEP: usize = 500;

/// The indexes of the property `queryIndexes`.
#[derive(Debug, Default)]
pub(super) struct Indexes(Vec<Index>);

impl Indexes {
    /// Reads the property: a JSON list of `{"name", "indexes": [{"key", "type"}]}`.
    pub(super) fn read(properties: &Properties) -> Result<Self> {
        properties
            .get("queryIndexes")
            .map_or_else(|| Ok(Indexes::default()), |text| index::list(text).map(Indexes))
    }

    /// Makes the indexes, anew where they are there already: what they cover may have changed.
    pub(super) async fn create(&self, link: &Link, abilities: Abilities) -> Result<()> {
        if !self.0.is_empty() && !abilities.queries() {
            return Err(Error::configuration(format!(
                "queryIndexes: Redis at {} has no search and JSON modules; load them or leave this property out",
                link.options()
            )));
        }
        for index in &self.0 {
            match run(link, index.create()).await {
                Err(error) if error.message().contains("already exists") => {
                    run(link, index.drop()).await?;
                    run(link, index.create()).await?;
                }
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// Finds documents.
    pub(super) async fn find(&self, link: &Link, request: &QueryRequest) -> Result<QueryResponse> {
        let name = request.metadata.get(INDEX_NAME).map(String::as_str).unwrap_or_default();
        let index = self.0.iter().find(|index| index.name == name);
        let index = index.ok_or_else(|| {
            Error::invalid(format!(
                "query index `{name}` not found: name one of queryIndexes by the metadata {INDEX_NAME}"
            ))
        })?;
        let question = Question::read(&request.query, index)?;
        let limit = question.limit.unwrap_or(usize::MAX);
        let mut response = QueryResponse::default();
        let mut offset = question.skip;
        loop {
            let answer = run(link, search(index, &question, offset)).await?;
            let documents = documents(answer)?;
            let last = documents.len() < STEP;
            for (key, item) in documents {
                if response.results.len() == limit {
                    response.token = offset.to_string();
                    return Ok(response);
                }
                offset += 1;
                if let Some(item) = item.filter(|_| key.starts_with(&request.key_prefix)) {
                    response.results.push((key, item));
                }
            }
            if last {
                return Ok(response);
            }
        }
    }
}

fn search(index: &Index, question: &Question, offset: usize) -> Cmd {
    let mut search = redis::cmd("FT.SEARCH");
    search.arg(&index.name).arg(&question.filter);
    if let Some((field, descending)) = &question.sort {
        search.arg("SORTBY").arg(field).arg(if *descending { "DESC" } else { "ASC" });
    }
    search.arg("RETURN").arg(2).arg("$.data").arg("$.version");
    search.arg("LIMIT").arg(offset).arg(STEP).arg("DIALECT").arg(2);
    search
}

async fn run(link: &Link, command: Cmd) -> Result<Value> {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    match link.send(&pipeline, Place::Anywhere, Retry::Harmless).await?.pop().unwrap_or_default() {
        Value::ServerError(error) => Err(error::of(&error.into(), link.options())),
        answer => Ok(answer),
    }
}

/// The answer of a search: their number, then each key with its fields. A document that expired meanwhile has none.
fn documents(answer: Value) -> Result<Vec<(String, Option<Item>)>> {
    let Value::Array(parts) = answer else { return Err(error::unexpected("a search")) };
    let mut parts = parts.into_iter().skip(1);
    let mut documents = Vec::new();
    while let (Some(key), Some(fields)) = (parts.next(), parts.next()) {
        let key = redis::from_redis_value(key).map_err(|_| error::unexpected("a search"))?;
        documents.push((key, item(fields)));
    }
    Ok(documents)
}

fn item(fields: Value) -> Option<Item> {
    let fields: Vec<(String, Vec<u8>)> = redis::from_redis_value(fields).ok()?;
    let mut item = Item::default();
    let mut found = false;
    for (name, text) in fields {
        match name.as_str() {
            "$.data" => {
                item.value = text.into();
                found = true;
            }
            "$.version" => item.etag = Some(String::from_utf8_lossy(&text).into_owned()),
            _ => {}
        }
    }
    found.then_some(item)
}

//! The subscriptions that an application answers to `GET /dapr/subscribe` (reference 1.6). SDKs of all ages are read:
//! names match in any case, a path is `route`, `routes.default` or one of `routes.rules`.

use std::time::Duration;

use mecha_config::runtime::component::Bulk;
use mecha_config::runtime::{Subscription, SubscriptionRule};
use serde_json::{Map, Value};

/// Reads the answer. A subscription that can't be used is left out and the log says why; the others hold.
///
/// # Errors
/// When the answer is no JSON array.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Subscription>, String> {
    let wrong = |what: String| format!("error getting topics from app: GET /dapr/subscribe: {what}");
    let answer: Value = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    let items = match answer {
        Value::Array(items) => items,
        Value::Null => return Ok(Vec::new()),
        other => return Err(wrong(format!("expected an array of subscriptions, not {}", kind(&other)))),
    };
    let mut wishes = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match subscription(item) {
            Ok(wish) if wish.rules.is_empty() => {
                let topic = &wish.topic;
                tracing::warn!("topic {topic} has an empty routes. removing from subscriptions list");
            }
            Ok(wish) => wishes.push(wish),
            Err(error) => tracing::error!("{}", wrong(format!("subscription {index}: {error}"))),
        }
    }
    Ok(wishes)
}

fn subscription(item: &Value) -> Result<Subscription, String> {
    let fields = Fields::of(item, "it")?;
    let mut wish = Subscription {
        pubsub: fields.text("pubsubname")?,
        topic: fields.text("topic")?,
        rules: Vec::new(),
        dead_letter: Some(fields.text("deadLetterTopic")?).filter(|topic| !topic.is_empty()),
        ..Subscription::default()
    };
    if wish.pubsub.is_empty() {
        return Err("pubsubname is missing".to_owned());
    }
    if wish.topic.is_empty() {
        return Err("topic is missing".to_owned());
    }
    let mut otherwise = fields.text("route")?;
    if let Some(routes) = fields.get("routes") {
        let routes = Fields::of(routes, "routes")?;
        for rule in routes.list("rules")? {
            let rule = Fields::of(rule, "a rule")?;
            wish.rules.push(SubscriptionRule { matches: rule.text("match")?, path: rule.text("path")? });
        }
        otherwise = Some(routes.text("default")?).filter(|path| !path.is_empty()).unwrap_or(otherwise);
    }
    if !otherwise.is_empty() {
        wish.rules.push(SubscriptionRule { matches: String::new(), path: otherwise });
    }
    if let Some(metadata) = fields.get("metadata") {
        for (name, value) in Fields::of(metadata, "metadata")?.0 {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            wish.metadata.insert(name.clone(), text);
        }
    }
    wish.bulk = fields.get("bulkSubscribe").map(bulk).transpose()?.flatten();
    Ok(wish)
}

fn bulk(value: &Value) -> Result<Option<Bulk>, String> {
    let fields = Fields::of(value, "bulkSubscribe")?;
    if fields.get("enabled").is_none_or(|enabled| *enabled != Value::Bool(true)) {
        return Ok(None);
    }
    let mut bulk = Bulk::default();
    if let Some(most) = fields.count("maxMessagesCount")? {
        bulk.max_messages = usize::try_from(most).unwrap_or(usize::MAX);
    }
    if let Some(millis) = fields.count("maxAwaitDurationMs")? {
        bulk.max_await = Duration::from_millis(millis);
    }
    Ok(Some(bulk))
}

/// An object whose names match in any case; `null` counts as absent.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn of(value: &'a Value, what: &str) -> Result<Self, String> {
        value.as_object().map(Fields).ok_or_else(|| format!("{what} must be an object, not {}", kind(value)))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        let exact = self.0.get(name);
        let found = exact.or_else(|| {
            self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        found.filter(|value| !value.is_null())
    }

    /// Empty when absent.
    fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(format!("{name} must be a string, not {}", kind(other))),
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Value], String> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(format!("{name} must be an array, not {}", kind(other))),
        }
    }

    /// A positive number; 0 means the default.
    fn count(&self, name: &str) -> Result<Option<u64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(0) => Ok(None),
                Some(count) => Ok(Some(count)),
                None => Err(format!("{name} must be a positive number, not {value}")),
            },
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(matches: &str, path: &str) -> SubscriptionRule {
        SubscriptionRule { matches: matches.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn every_field_is_read() {
        let body = br#"[{"pubsubname":"bus","topic":"orders","deadLetterTopic":"dead","metadata":{"rawPayload":"true","n":1},
            "routes":{"rules":[{"match":"event.type == 'a'","path":"/a"}],"default":"/rest"},
            "bulkSubscribe":{"enabled":true,"maxMessagesCount":7,"maxAwaitDurationMs":40}}]"#;
        let [wish] = parse(body).unwrap().try_into().unwrap();
        assert_eq!((wish.pubsub.as_str(), wish.topic.as_str()), ("bus", "orders"));
        assert_eq!(wish.rules, [rule("event.type == 'a'", "/a"), rule("", "/rest")]);
        assert_eq!(wish.dead_letter.as_deref(), Some("dead"));
        assert_eq!((wish.metadata["rawPayload"].as_str(), wish.metadata["n"].as_str()), ("true", "1"));
        assert_eq!(wish.bulk, Some(Bulk { max_messages: 7, max_await: Duration::from_millis(40) }));
    }

    #[test]
    fn older_forms_are_read() {
        let body = br#"[{"pubsubName":"bus","topic":"a","route":"orders"},
            {"PubsubName":"bus","Topic":"b","routes":{"rules":[{"match":"true","path":"/b"}]},"route":"/rest"},
            {"pubsubname":"bus","topic":"c","route":"/c","bulkSubscribe":{"enabled":false},"metadata":null}]"#;
        let wishes = parse(body).unwrap();
        assert_eq!(wishes[0].rules, [rule("", "orders")]);
        assert_eq!(wishes[1].rules, [rule("true", "/b"), rule("", "/rest")]);
        assert_eq!(wishes[2].bulk, None);
    }

    #[test]
    fn one_that_makes_no_sense_does_not_cost_the_others() {
        let body = br#"[{"topic":"a","route":"/a"},"topic",{"pubsubname":"bus","topic":"b","route":7},
            {"pubsubname":"bus","topic":"c"},{"pubsubname":"bus","topic":"d","route":"/d"}]"#;
        let topics: Vec<_> = parse(body).unwrap().into_iter().map(|wish| wish.topic).collect();
        assert_eq!(topics, ["d"]);
    }

    #[test]
    fn what_is_no_array_is_an_error_that_says_so() {
        assert!(parse(b"{}").unwrap_err().contains("expected an array of subscriptions, not an object"));
        assert!(parse(b"<html>").unwrap_err().contains("GET /dapr/subscribe"));
        assert_eq!(parse(b"null").unwrap(), []);
    }
}

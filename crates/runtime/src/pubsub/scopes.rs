//! Which topics the application may use: the scopes in a component's properties (reference 1.6).

use std::collections::BTreeSet;

use mecha_component::Properties;
use mecha_config::runtime::{Component, PropertySource};

/// What an application may do with the topics of one component.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// When not empty: no topic but these.
    allowed: BTreeSet<String>,
    /// These need a scope that names them.
    protected: BTreeSet<String>,
    publish: Scope,
    subscribe: Scope,
    /// Set before every topic on the broker's side: the namespace, where a property of the component has the template
    /// `{namespace}`.
    prefix: String,
}

/// The topics that a scope names for the application; `None` = it does not speak of the application.
type Scope = Option<BTreeSet<String>>;

impl Access {
    /// Reads the properties of a component.
    pub(crate) fn new(config: &Component, properties: &Properties, app_id: &str, namespace: &str) -> Self {
        let topics = |name| properties.get(name).map(list).unwrap_or_default();
        let scope = |name| properties.get(name).and_then(|text| scope(text, app_id));
        let namespaced = config.properties.iter().any(|property| match &property.source {
            PropertySource::Value(value) => value.contains("{namespace}"),
            PropertySource::Secret { .. } | PropertySource::Env(_) => false,
        });
        Access {
            allowed: topics("allowedTopics"),
            protected: topics("protectedTopics"),
            publish: scope("publishingScopes"),
            subscribe: scope("subscriptionScopes"),
            prefix: if namespaced { namespace.to_owned() } else { String::new() },
        }
    }

    /// Whether the application may publish to `topic`.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        self.may(&self.publish, topic)
    }

    /// Whether the application may subscribe to `topic`.
    pub(crate) fn may_subscribe(&self, topic: &str) -> bool {
        self.may(&self.subscribe, topic)
    }

    /// The topic as the broker knows it.
    pub(crate) fn outer(&self, topic: String) -> String {
        if self.prefix.is_empty() { topic } else { format!("{}{topic}", self.prefix) }
    }

    /// The topic as the application knows it.
    pub(crate) fn inner<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(self.prefix.as_str()).unwrap_or(topic)
    }

    fn may(&self, scope: &Scope, topic: &str) -> bool {
        if !self.allowed.is_empty() && !self.allowed.contains(topic) {
            return false;
        }
        match scope {
            Some(topics) => topics.contains(topic),
            None => !self.protected.contains(topic),
        }
    }
}

/// `topic1, topic2`
fn list(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|topic| !topic.is_empty()).map(str::to_owned).collect()
}

/// `app1=topic1,topic2;app2=`: an application that is named with nothing may use no topic.
fn scope(text: &str, app_id: &str) -> Scope {
    let mut found: Scope = None;
    for (app, topics) in text.split(';').filter_map(|part| part.split_once('=')) {
        if app.trim() == app_id {
            found.get_or_insert_default().extend(list(topics));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(properties: &[(&str, &str)]) -> Access {
        let properties: Properties = properties.iter().copied().collect();
        let component = Component::new("bus", "pubsub.in-memory");
        Access::new(&component, &properties, "shop", "")
    }

    #[test]
    fn a_scope_names_the_topics_of_each_application() {
        let access = access(&[("publishingScopes", "shop=a, b;other=c"), ("subscriptionScopes", "shop=")]);
        assert!(access.may_publish("a") && access.may_publish("b"));
        assert!(!access.may_publish("c"));
        assert!(!access.may_subscribe("a"), "an empty list denies every topic");
    }

    #[test]
    fn an_application_that_no_scope_names_may_use_every_topic() {
        let access = access(&[("publishingScopes", "other=c")]);
        assert!(access.may_publish("c") && access.may_publish("anything"));
    }

    #[test]
    fn allowed_topics_limit_whatever_scopes_say() {
        let access = access(&[("allowedTopics", "a,b"), ("publishingScopes", "shop=a,z")]);
        assert!(access.may_publish("a"));
        assert!(!access.may_publish("b"), "the scope does not name it");
        assert!(!access.may_publish("z"), "it is not among the allowed topics");
        assert!(access.may_subscribe("b"));
    }

    #[test]
    fn protected_topics_need_a_scope_that_names_them() {
        let access = access(&[("protectedTopics", "secret"), ("subscriptionScopes", "shop=secret")]);
        assert!(!access.may_publish("secret"));
        assert!(access.may_publish("open"));
        assert!(access.may_subscribe("secret"));
    }
}

//! `spec.accessControl`: who may call the application.

use mecha_config::runtime::settings::{AccessControl, AccessPolicy, AccessRule};
use mecha_document::{Node, Object, shortened};

/// The trust domain unless one is named (reference 3.3).
const TRUST_DOMAIN: &str = "public";

/// What the files said.
#[derive(Default)]
pub(super) struct Draft {
    present: bool,
    allow_by_default: Option<bool>,
    trust_domain: Option<String>,
    policies: Vec<AccessPolicy>,
}

impl Draft {
    /// Reads what is there.
    pub(super) fn read(&mut self, fields: &Object<'_>) {
        self.present = true;
        self.allow_by_default = action(fields, "defaultAction").or(self.allow_by_default);
        if let Some(domain) = fields.text("trustDomain") {
            self.trust_domain = Some(domain.to_owned());
        }
        if fields.get("policies").is_some() {
            self.policies = fields.each("policies", policy);
        }
    }

    /// The whole. Without a default action, callers without a policy are refused once there is any policy.
    pub(super) fn finish(self) -> Option<AccessControl> {
        let Draft { present, allow_by_default, trust_domain, policies } = self;
        let allow_by_default = allow_by_default.unwrap_or(policies.is_empty());
        let trust_domain = trust_domain.unwrap_or_else(|| TRUST_DOMAIN.to_owned());
        present.then_some(AccessControl { allow_by_default, trust_domain, policies })
    }
}

/// `allow` or `deny` in any case.
fn action(fields: &Object<'_>, key: &'static str) -> Option<bool> {
    let (node, text) = fields.text_at(key)?;
    match text.to_ascii_lowercase().as_str() {
        "allow" => Some(true),
        "deny" => Some(false),
        _ => {
            node.error(format!("\"{}\" can be either allow or deny", shortened(text)));
            None
        }
    }
}

fn policy(node: Node<'_>) -> Option<AccessPolicy> {
    let fields = node.object()?;
    let text = |key| fields.text(key).unwrap_or_default().to_owned();
    let policy = AccessPolicy {
        app_id: text("appId"),
        allow_by_default: action(&fields, "defaultAction").unwrap_or(false),
        trust_domain: text("trustDomain"),
        namespace: text("namespace"),
        operations: fields.each("operations", rule),
    };
    let needed =
        [("appId", &policy.app_id), ("trustDomain", &policy.trust_domain), ("namespace", &policy.namespace)];
    for (key, value) in needed {
        if value.is_empty() {
            node.error_with(
                format!("this policy has no {key}"),
                format!("set {key}: it says who the caller is"),
            );
        }
    }
    Some(policy)
}

/// `{name, httpVerb [], action}`.
fn rule(node: Node<'_>) -> Option<AccessRule> {
    let fields = node.object()?;
    let verb = |node: Node<'_>| node.string().map(str::to_ascii_uppercase);
    let rule = AccessRule {
        path: fields.text("name").map(with_slash).unwrap_or_default(),
        methods: fields.each("httpVerb", verb),
        allow: action(&fields, "action").unwrap_or(false),
    };
    if rule.path.is_empty() {
        node.error_with("this operation has no name", "set name: a path, or its beginning and /*");
    }
    Some(rule)
}

fn with_slash(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

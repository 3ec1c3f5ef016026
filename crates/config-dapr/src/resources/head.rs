//! What all resources share: `apiVersion`, `kind`, `metadata`, `auth`, `scopes`; and which documents are ours at all.

use mecha_config::runtime::Identity;
use mecha_config::runtime::component::Place;
use mecha_document::{Node, Object, shortened};

/// The group of Dapr's resources.
const GROUP: &str = "dapr.io/";

/// Kinds whose features come later.
const LATER: [&str; 2] = ["MCPServer", "WorkflowAccessPolicy"];

/// What a document declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Component,
    /// `v1alpha1`, with one route.
    Subscription,
    /// `v2alpha1`, with rules.
    SubscriptionV2,
    Resiliency,
    HttpEndpoint,
}

impl Kind {
    /// The kind of a document; `None`, with a warning where somebody may have meant otherwise, when it is none of ours.
    pub(super) fn of(root: Node<'_>) -> Option<Kind> {
        let (version, kind) = (peek(root, "apiVersion"), peek(root, "kind"));
        let kind_text = kind.map(Node::text).unwrap_or_default();
        let version_text = version.map(Node::text).unwrap_or_default();
        let known = match kind_text {
            "Component" | "Resiliency" | "HTTPEndpoint" | "Subscription" => true,
            _ => version_text.starts_with(GROUP),
        };
        if !known {
            return None;
        }
        let found = match (kind_text, version_text) {
            ("Component", "dapr.io/v1alpha1") => Kind::Component,
            ("Subscription", "dapr.io/v1alpha1") => Kind::Subscription,
            ("Subscription", "dapr.io/v2alpha1") => Kind::SubscriptionV2,
            ("Resiliency", "dapr.io/v1alpha1") => Kind::Resiliency,
            ("HTTPEndpoint", "dapr.io/v1alpha1") => Kind::HttpEndpoint,
            _ => {
                ignored(root, version, kind);
                return None;
            }
        };
        Some(found)
    }

    /// As files write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Component => "Component",
            Kind::Subscription | Kind::SubscriptionV2 => "Subscription",
            Kind::Resiliency => "Resiliency",
            Kind::HttpEndpoint => "HTTPEndpoint",
        }
    }

    /// The kind whose names it shares.
    pub(super) fn family(self) -> Kind {
        if self == Kind::SubscriptionV2 { Kind::Subscription } else { self }
    }
}

/// Says why a document of Dapr's is left out.
fn ignored(root: Node<'_>, version: Option<Node<'_>>, kind: Option<Node<'_>>) {
    let name = shortened(kind.map(Node::text).unwrap_or_default());
    match name.as_str() {
        "Component" | "Resiliency" | "HTTPEndpoint" | "Subscription" => {
            let given = shortened(version.map(Node::text).unwrap_or_default());
            let message = format!("this {name} has the apiVersion \"{given}\" and is ignored");
            let hint = match name.as_str() {
                "Subscription" => "write apiVersion: dapr.io/v2alpha1",
                _ => "write apiVersion: dapr.io/v1alpha1",
            };
            version.unwrap_or(root).warn_with(message, hint);
        }
        "Configuration" => kind.unwrap_or(root).warn_with(
            "a Configuration is not read from a folder of resources",
            "name its file with --config",
        ),
        later if LATER.contains(&later) => {
            kind.unwrap_or(root).warn(format!("the kind {later} is not available yet and is ignored"));
        }
        _ => kind.unwrap_or(root).warn_with(
            format!("the kind \"{name}\" is unknown and is ignored"),
            "there are Component, Subscription, Resiliency and HTTPEndpoint",
        ),
    }
}

/// A value of the document's own, without a word about its other keys.
fn peek<'d>(node: Node<'d>, key: &str) -> Option<Node<'d>> {
    node.entries().filter(|(name, _)| name.text().eq_ignore_ascii_case(key)).last().map(|(_, value)| value)
}

/// Whether a document is meant for this application; all are for one without an id, which stands for every one.
pub(super) fn is_for(root: Node<'_>, identity: &Identity) -> bool {
    let namespace = peek(root, "metadata").and_then(|metadata| peek(metadata, "namespace"));
    let namespace = namespace.map(Node::text).unwrap_or_default();
    if !identity.namespace.is_empty() && !namespace.is_empty() && namespace != identity.namespace {
        return false;
    }
    let scopes = scopes(root);
    identity.app_id.is_empty() || scopes.is_empty() || scopes.contains(&identity.app_id.as_str())
}

/// The applications that a document is for; none = all.
pub(super) fn scopes(root: Node<'_>) -> Vec<&str> {
    let mut scopes: Vec<&str> =
        peek(root, "scopes").into_iter().flat_map(Node::items).map(Node::text).collect();
    scopes.sort_unstable();
    scopes
}

/// A resource without its kind's own part.
pub(super) struct Head<'d> {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at_name: Node<'d>,
    /// `spec`; an absent one was said.
    pub(super) spec: Object<'d>,
    /// The applications that it is for, in one text.
    pub(super) scopes: String,
    /// `auth.secretStore`.
    pub(super) secret_store: Option<String>,
}

impl<'d> Head<'d> {
    /// Reads it; `None` when it has no usable name or no `spec`.
    pub(super) fn read(root: Node<'d>, kind: Kind) -> Option<Head<'d>> {
        let fields = root.object()?;
        fields.accept(&["apiVersion", "kind", "spec", "status"]);
        for scope in fields.list("scopes") {
            scope.string();
        }
        let scopes = scopes(root).join(",");
        let auth = fields.object("auth");
        let secret_store = auth.as_ref().and_then(|auth| auth.text("secretStore")).map(str::to_owned);
        let (name, at_name) = name(&fields, root, kind)?;
        let Some(spec) = fields.get("spec") else {
            root.error_with(format!("this {} has no spec", kind.name()), "add spec");
            return None;
        };
        Some(Head { kind, name, at_name, spec: spec.object()?, scopes, secret_store })
    }

    /// The place for messages: of the line that names the resource.
    pub(super) fn place(&self) -> Place {
        Place { file: self.at_name.file(), line: self.at_name.line() }
    }
}

/// `metadata.name`: a segment of a path, by Kubernetes' rule.
fn name<'d>(fields: &Object<'d>, root: Node<'d>, kind: Kind) -> Option<(String, Node<'d>)> {
    let kind = kind.name();
    let metadata = fields.object("metadata");
    if let Some(metadata) = &metadata {
        metadata.accept(&[
            "namespace",
            "labels",
            "annotations",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "uid",
            "managedFields",
            "ownerReferences",
            "finalizers",
            "selfLink",
            "generateName",
        ]);
    }
    let Some((node, text)) = metadata.as_ref().and_then(|metadata| metadata.text_at("name")) else {
        root.error_with(format!("this {kind} has no name"), "set metadata.name");
        return None;
    };
    let problem = if matches!(text, "." | "..") {
        Some(format!("may not be '{text}'"))
    } else {
        ['/', '%'].into_iter().find(|c| text.contains(*c)).map(|c| format!("may not contain '{c}'"))
    };
    if let Some(problem) = problem {
        node.error(format!("invalid name \"{}\" for \"{kind}\": {problem}", shortened(text)));
        return None;
    }
    Some((text.to_owned(), node))
}

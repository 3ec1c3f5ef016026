//! TLS contexts (reference 1.4). Until TLS is there, a context that is switched on stops the start: traffic
//! that was meant to be encrypted must never go out in the clear because a key was not understood.

use mecha_document::{Kind, Node, Object};

/// Refuses every TLS context of an object that is switched on.
pub(super) fn refuse(fields: &Object<'_>) {
    if let Some(context) = fields.get("tls_context") {
        refuse_context(context);
    }
    for context in fields.list("tls_context_set") {
        refuse_context(context);
    }
}

fn refuse_context(context: Node<'_>) {
    let entry = |name: &str| {
        context.entries().find(|(key, _)| key.text().eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    match entry("status") {
        Some(status) if matches!(status.kind(), Kind::Flag(false) | Kind::Null) => {}
        Some(status) => status.error_with(
            "TLS is not available yet, and plaintext will not be used in its place",
            "remove the TLS context, or set its status to false if plaintext is meant",
        ),
        None if entry("cert_chain").or(entry("ca_cert")).or(entry("sds_source")).is_some() => context
            .warn_with(
                "this TLS context is off, because its status is not true: traffic is plaintext",
                "set \"status\": false to say so",
            ),
        None => {}
    }
}

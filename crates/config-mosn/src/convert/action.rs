//! What a route does with a request: forward, answer, redirect (reference 1.7).

use std::time::Duration;

use mecha_config::Action;
use mecha_config::route::{
    DirectResponse, Forward, HashPolicy, Redirect, RegexRewrite, RetryPolicy, Target, WeightedCluster,
};
use mecha_document::{Node, Object};

use super::{headers, pattern, protocol};

/// Statuses of a redirect (reference 1.7).
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// The action of a route. MOSN answers directly first, redirects next, and forwards else.
pub(super) fn action(fields: &Object<'_>) -> Option<Action> {
    let given = ["direct_response", "redirect", "route"].map(|key| (key, fields.get(key)));
    let mut given = given.into_iter().filter_map(|(key, node)| Some((key, node.filter(|n| n.is_set())?)));
    let Some((key, node)) = given.next() else {
        fields.node().error_with(
            "this route does nothing",
            "give it a \"route\" with a \"cluster_name\", a \"direct_response\" or a \"redirect\"",
        );
        return None;
    };
    for (other, node) in given {
        node.warn(format!("\"{other}\" has no effect beside \"{key}\""));
    }
    let fields = node.object()?;
    match key {
        "direct_response" => direct(&fields).map(Action::Direct),
        "redirect" => redirect(&fields).map(Action::Redirect),
        _ => forward(&fields).map(|forward| Action::Forward(Box::new(forward))),
    }
}

fn direct(fields: &Object<'_>) -> Option<DirectResponse> {
    let body = fields.text("body").unwrap_or_default().to_owned();
    let status = fields.get("status").map_or(Some(200), |node| node.whole(200, 599))?;
    Some(DirectResponse { status, body })
}

fn redirect(fields: &Object<'_>) -> Option<Redirect> {
    let status = match fields.get("response_code") {
        None => 301,
        Some(node) => {
            let status = node.whole(0, u16::MAX)?;
            let status = if status == 0 { 301 } else { status };
            if !REDIRECTS.contains(&status) {
                node.error_with(format!("{status} is no redirect"), "use 301, 302, 303, 307 or 308");
            }
            status
        }
    };
    let part = |key| {
        let (node, text) = fields.text_at(key)?;
        if text.bytes().any(|byte| byte <= 0x20 || byte == 0x7f) {
            node.error("white space and control characters can't stand in a URL");
        }
        Some(text.to_owned())
    };
    let scheme = part("scheme_redirect").map(|scheme| scheme.to_ascii_lowercase());
    if let Some(scheme) = &scheme
        && !is_scheme(scheme)
        && let Some(node) = fields.get("scheme_redirect")
    {
        node.error_with(format!("\"{scheme}\" is not a scheme"), "write for example \"https\"");
    }
    Some(Redirect { status, path: part("path_redirect"), host: part("host_redirect"), scheme })
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(fits)
}

fn forward(fields: &Object<'_>) -> Option<Forward> {
    fields.not_in_effect(&["metadata_match"]);
    let target = target(fields);
    let timeout = fields.duration("timeout").filter(|timeout| !timeout.is_zero());
    let rewritten = |key: &'static str| {
        let (node, text) = fields.text_at(key)?;
        if text.contains(['\r', '\n', '\0', ' ']) {
            node.error("white space and control characters can't stand here");
        }
        Some(text.to_owned())
    };
    Some(Forward {
        upstream_protocol: match fields.text_at("upstream_protocol") {
            None | Some((_, "Auto")) => None,
            Some((node, "X")) => {
                node.warn("\"X\" names no protocol here: the upstream speaks what the client speaks");
                None
            }
            Some((node, name)) => protocol::one(node, name),
        },
        timeout,
        retry: fields.object("retry_policy").map(|fields| retry(&fields, timeout)).unwrap_or_default(),
        prefix_rewrite: rewritten("prefix_rewrite"),
        regex_rewrite: fields.object("regex_rewrite").and_then(|fields| regex_rewrite(&fields)),
        host_rewrite: rewritten("host_rewrite"),
        auto_host_rewrite: fields.flag("auto_host_rewrite"),
        auto_host_rewrite_header: match fields.get("auto_host_rewrite_header").filter(|n| n.is_set()) {
            Some(node) => headers::name(Some(node), node),
            None => None,
        },
        headers: headers::rules(fields),
        hash_policy: fields.each("hash_policy", hash_policy),
        target: target?,
    })
}

fn target(fields: &Object<'_>) -> Option<Target> {
    let name = fields.text("cluster_name");
    let header = fields.get("cluster_header").filter(|node| node.is_set());
    let variable = fields.get("cluster_variable").filter(|node| node.is_set());
    let weighted: Vec<_> = fields.each("weighted_clusters", weighted);
    if !weighted.is_empty() {
        if let Some((node, _)) = fields.text_at("cluster_name") {
            node.warn("\"cluster_name\" has no effect beside \"weighted_clusters\"");
        }
        return Some(Target::Weighted(weighted));
    }
    if let Some(name) = name {
        for (key, node) in [("cluster_variable", variable), ("cluster_header", header)] {
            if let Some(node) = node {
                node.warn(format!("\"{key}\" has no effect beside \"cluster_name\""));
            }
        }
        return Some(Target::Cluster(name.to_owned()));
    }
    match (header, variable) {
        (Some(node), _) => headers::name(Some(node), node).map(Target::Header),
        (None, Some(node)) => by_variable(node),
        (None, None) => {
            fields.node().error_with("this route names no cluster", "set \"cluster_name\"");
            None
        }
    }
}

/// `cluster_variable`, when the variable is a request header.
fn by_variable(node: Node<'_>) -> Option<Target> {
    const PREFIXES: [&str; 3] = ["request_header_", "Http1_request_header_", "Http2_request_header_"];
    let text = node.string()?;
    let header = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).filter(|name| !name.is_empty());
    if header.is_none() {
        node.error_with(
            format!("\"cluster_variable\" can name a request header only, not \"{text}\""),
            "write \"request_header_<name>\", or set \"cluster_name\"",
        );
    }
    header.map(|name| Target::Header(name.to_ascii_lowercase()))
}

fn weighted(node: Node<'_>) -> Option<WeightedCluster> {
    let outer = node.object()?;
    let Some(fields) = outer.object("cluster") else {
        node.error_with(
            "this choice names no cluster",
            "write \"cluster\": {\"name\": ..., \"weight\": ...}",
        );
        return None;
    };
    fields.not_in_effect(&["metadata_match"]);
    let weight = fields.number("weight").unwrap_or(0);
    let Some(name) = fields.text("name") else {
        fields.node().error("this choice names no cluster");
        return None;
    };
    Some(WeightedCluster { name: name.to_owned(), weight })
}

fn retry(fields: &Object<'_>, timeout: Option<Duration>) -> RetryPolicy {
    let try_timeout = fields.duration("retry_timeout").filter(|time| !time.is_zero());
    if let (Some(each), Some(all)) = (try_timeout, timeout)
        && each >= all
        && let Some(node) = fields.get("retry_timeout")
    {
        node.warn_with("one try may take as long as all together, so this has no effect", "make it shorter");
    }
    let codes = fields.each("status_codes", |node| node.whole(100, 599));
    RetryPolicy {
        on_failure: fields.flag("retry_on"),
        retries: fields.number("num_retries").unwrap_or(0),
        try_timeout,
        status_codes: codes,
    }
}

fn regex_rewrite(fields: &Object<'_>) -> Option<RegexRewrite> {
    let found = fields.object("pattern").and_then(|pattern| {
        // A limit of Google's C++ engine.
        pattern.accept(&["google_re2"]);
        let (node, text) = pattern.text_at("regex")?;
        pattern::compile(node, text)
    });
    let substitution = fields.text_at("substitution");
    let pattern = found?;
    let substitution = match substitution {
        Some((node, text)) => pattern::substitution(node, text, &pattern),
        None => String::new(),
    };
    Some(RegexRewrite { pattern, substitution })
}

fn hash_policy(node: Node<'_>) -> Option<HashPolicy> {
    let fields = node.object()?;
    let (header, cookie, source) =
        (fields.object("header"), fields.object("cookie"), fields.get("source_ip"));
    if let Some(header) = header {
        return headers::name(header.get("key"), header.node()).map(HashPolicy::Header);
    }
    if let Some(cookie) = cookie {
        let name = headers::cookie_name(&cookie)?;
        return Some(HashPolicy::Cookie {
            name,
            path: cookie.text("path").unwrap_or_default().to_owned(),
            ttl: cookie.duration("ttl").unwrap_or_default(),
        });
    }
    if source.is_none() {
        node.error_with("there is nothing to hash", "give \"header\", \"cookie\" or \"source_ip\"");
        return None;
    }
    Some(HashPolicy::SourceIp)
}

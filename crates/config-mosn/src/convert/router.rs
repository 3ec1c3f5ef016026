//! Routers, virtual hosts and routes (reference 1.7): of the server, or inline in `connection_manager`.

use mecha_config::route::RouteMatch;
use mecha_config::{Route, Router, VirtualHost};
use mecha_document::{Document, Format, Node, Object};

use super::{Context, action, domain, filters, headers, matcher};
use crate::place::{HostPlace, RouterPlace};
use crate::source;

/// Both ways at once (MOSN's own words).
pub(super) const BOTH_MODES: &str = "only one of static config or dynamic config should be exists";

/// Converts a router and keeps it.
pub(super) fn router(fields: &Object<'_>, context: &mut Context<'_>) {
    let Some(name) = fields.text("router_config_name") else {
        fields.node().error_with("this router has no name", "set \"router_config_name\"");
        return;
    };
    let mut router = Router {
        name: name.to_owned(),
        virtual_hosts: Vec::new(),
        headers: headers::rules(fields),
        filters: filters::per_filter(fields.get("per_filter_config")),
    };
    let mut places = Vec::new();
    for node in fields.list("virtual_hosts") {
        add_host(node, &mut router, &mut places);
    }
    if let Some((node, folder)) = fields.text_at("router_configs") {
        if router.virtual_hosts.is_empty() {
            from_folder(node, folder, context, |node, _| add_host(node, &mut router, &mut places));
        } else {
            node.error_with(BOTH_MODES, "keep \"virtual_hosts\" or \"router_configs\", not both");
        }
    }
    context.places.router(name, RouterPlace::new(fields.node(), places));
    context.routers.push(router);
}

/// Hands the root of each file of a folder to `add`.
pub(super) fn from_folder(
    node: Node<'_>,
    folder: &str,
    context: &mut Context<'_>,
    mut add: impl FnMut(Node<'_>, &mut Context<'_>),
) {
    let files = match source::folder(folder, context.folder.as_deref()) {
        Ok(files) => files,
        Err(error) => return node.error(format!("the folder {folder} can't be read: {error}")),
    };
    for path in files {
        let Some(text) = source::read(&path, context.findings) else { continue };
        let name = path.display().to_string();
        if let Some(document) = Document::parse(&text, Format::Json, &name, context.findings) {
            add(document.root(), context);
        }
    }
}

fn add_host(node: Node<'_>, router: &mut Router, places: &mut Vec<HostPlace>) {
    let Some(fields) = node.object() else { return };
    fields.not_in_effect(&["require_tls"]);
    let mut host = VirtualHost {
        name: fields.text("name").unwrap_or_default().to_owned(),
        domains: fields.each("domains", domain::domain),
        headers: headers::rules(&fields),
        filters: filters::per_filter(fields.get("per_filter_config")),
        routes: Vec::new(),
    };
    if fields.get("domains").is_none_or(|node| node.items().next().is_none()) {
        node.warn_with("this virtual host has no domains and is never chosen", "add \"domains\": [\"*\"]");
    }
    let mut place = HostPlace::of(node);
    for (number, node) in fields.list("routers").enumerate() {
        if let Some(route) = route(node) {
            place.add_route(node, number);
            host.routes.push(route);
        }
    }
    host.routes.shrink_to_fit();
    places.push(place);
    router.virtual_hosts.push(host);
}

fn route(node: Node<'_>) -> Option<Route> {
    let fields = node.object()?;
    let filters = filters::per_filter(fields.get("per_filter_config"));
    fields.not_in_effect(&["request_mirror_policies", "metadata"]);
    let matcher = match fields.object("match") {
        Some(fields) => matcher::matcher(&fields),
        None => RouteMatch::default(),
    };
    Some(Route { matcher, action: action::action(&fields)?, filters })
}

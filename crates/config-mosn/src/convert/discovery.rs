//! `spec` of a cluster (reference 1.8): the registry that knows its hosts. `subscriber` is the registry's address as
//! Dubbo writes it (`zookeeper://host:2181?backup=host:2181&group=dubbo`), `service_name` a service as Dubbo names it
//! (`group/interface:version`).

use mecha_config::discovery::{Discovery, Registry, ZooKeeper};
use mecha_document::{Node, Object, shortened};

/// The node that Dubbo uses when nobody names another.
const ROOT: &str = "dubbo";
/// ZooKeeper's usual port.
const PORT: &str = "2181";

/// The first of `subscribe`.
pub(super) fn discovery(spec: &Object<'_>) -> Option<Discovery> {
    let mut subscriptions = spec.list("subscribe");
    let first = subscriptions.next()?;
    if let Some(second) = subscriptions.next() {
        second.warn("only the first of \"subscribe\" has an effect");
    }
    let fields = first.object()?;
    let Some((place, subscriber)) = fields.text_at("subscriber") else {
        first.error_with(
            "this subscription names no registry",
            "set \"subscriber\": \"zookeeper://host:2181\"",
        );
        return None;
    };
    let service = fields.text_at("service_name");
    let registry = registry(place, subscriber)?;
    let Some((node, service)) = service else {
        first.error_with(
            "this subscription names no service",
            "set \"service_name\": \"com.example.Service\"",
        );
        return None;
    };
    let (group, rest) = service.split_once('/').map_or((None, service), |(group, rest)| (Some(group), rest));
    let (name, version) = rest.split_once(':').map_or((rest, None), |(name, version)| (name, Some(version)));
    if name.is_empty() || name.contains('/') {
        node.error_with(
            format!("\"{}\" names no service", shortened(service)),
            "write \"interface\", \"interface:version\" or \"group/interface:version\"",
        );
        return None;
    }
    let own = |text: Option<&str>| text.map(str::to_owned);
    Some(Discovery { registry, service: name.to_owned(), group: own(group), version: own(version) })
}

fn registry(node: Node<'_>, text: &str) -> Option<Registry> {
    let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
    if !Registry::SCHEMES.contains(&scheme) {
        node.error_with(
            format!("there is no registry \"{}\"", shortened(scheme)),
            format!("available are {}", Registry::SCHEMES.map(|scheme| format!("{scheme}://")).join(", ")),
        );
        return None;
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    let (login, servers) = match authority.rsplit_once('@') {
        Some((login, servers)) => (login.split_once(':'), servers),
        None => (None, authority),
    };
    let parameter =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|pair| pair.0 == name);
    let backup = parameter("backup").map(|pair| pair.1);
    let servers: Vec<String> = servers
        .split(',')
        .chain(backup.into_iter().flat_map(|backup| backup.split(',')))
        .filter(|server| !server.is_empty())
        .map(with_port)
        .collect();
    if servers.is_empty() {
        node.error_with("this registry has no address", "write \"zookeeper://host:2181\"");
        return None;
    }
    let root = parameter("group").map_or(ROOT, |pair| pair.1).trim_matches('/');
    let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
    Some(Registry::ZooKeeper(ZooKeeper { servers: servers.join(","), root: root.to_owned(), login }))
}

fn with_port(server: &str) -> String {
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { server.to_owned() } else { format!("{server}:{PORT}") }
}

//! Names of wire protocols (reference 1.5, 2.3).

use mecha_base::names::nearest;
use mecha_config::{Protocol, Protocols};
use mecha_document::{Node, shortened};

/// All of them, told apart by their first bytes.
const AUTO: &str = "Auto";

/// MOSN's codec that is loaded as a plugin.
const PLUGIN: &str = "x_example";

/// Names that MOSN had for Bolt before it had `bolt` and `boltv2`.
const OLD_BOLT: [&str; 2] = ["SofaRpc", "Rpc"];

/// What a comma-separated list of names, or `Auto`, stands for.
pub(super) fn downstream(node: Node<'_>, text: &str) -> Protocols {
    let mut wanted = Vec::new();
    for name in text.split(',').map(str::trim) {
        match name {
            AUTO => wanted.extend(Protocol::ALL),
            name => wanted.extend(one(node, name)),
        }
    }
    let all = Protocol::ALL.into_iter().filter(|protocol| wanted.contains(protocol));
    match *all.collect::<Vec<_>>() {
        [only] => Protocols::One(only),
        [] => Protocols::Detect(Protocol::ALL.to_vec()),
        ref several => Protocols::Detect(several.to_vec()),
    }
}

/// The protocol of a name; one that is not there is an error, since its traffic would be misread.
pub(super) fn one(node: Node<'_>, name: &str) -> Option<Protocol> {
    let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
    if found.is_none() {
        missing(node, name);
    }
    found
}

/// The names that can stand where a protocol is asked for, for hints.
pub(super) fn known() -> String {
    listed(std::iter::once(AUTO).chain(Protocol::ALL.map(Protocol::name)))
}

/// `a, b and c`.
pub(super) fn listed(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn missing(node: Node<'_>, name: &str) {
    let available = format!("available are {}", known());
    if name == PLUGIN {
        let message = format!("the protocol \"{name}\" is not available yet: codecs by plugin are not");
        return node.error_with(message, available);
    }
    let hint = match nearest(name, Protocol::ALL.map(Protocol::name).into_iter().chain([AUTO])) {
        _ if OLD_BOLT.contains(&name) => {
            "an older name: write \"bolt\", \"boltv2\" or \"bolt,boltv2\"".to_owned()
        }
        Some(near) => format!("did you mean \"{near}\"?"),
        None => available,
    };
    node.error_with(format!("there is no protocol \"{}\"", shortened(name)), hint);
}

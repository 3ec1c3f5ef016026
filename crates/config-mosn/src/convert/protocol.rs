//! Names of wire protocols (reference 1.5, 2.3).

use mecha_base::names::nearest;
use mecha_config::{Protocol, Protocols};
use mecha_document::{Node, shortened};

/// MOSN's protocols that are still to come.
const NOT_YET: [&str; 8] = ["bolt", "boltv2", "dubbo", "dubbo-thrift", "tars", "x_example", "SofaRpc", "Rpc"];

/// What a comma-separated list of names, or `Auto`, stands for.
pub(super) fn downstream(node: Node<'_>, text: &str) -> Protocols {
    let mut wanted = Vec::new();
    for name in text.split(',').map(str::trim) {
        match name {
            "Auto" => wanted.extend(Protocol::ALL),
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
        let known = Protocol::ALL.map(Protocol::name);
        let listed = "available are Auto, Http1 and Http2".to_owned();
        if NOT_YET.contains(&name) {
            node.error_with(format!("the protocol \"{name}\" is not available yet"), listed);
        } else {
            let hint = match nearest(name, known.into_iter().chain(["Auto"])) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => listed,
            };
            node.error_with(format!("there is no protocol \"{}\"", shortened(name)), hint);
        }
    }
    found
}

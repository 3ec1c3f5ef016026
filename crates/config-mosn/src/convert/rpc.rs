//! Settings of RPC protocols: a listener's limits under `extend_config` (reference 1.5), a cluster's `keepalive`
//! (reference 1.8, 2.4) and `pool_mode`, which is ours (MOSN's codecs choose the pool themselves).

use mecha_base::names::nearest;
use mecha_config::proxy::RpcOptions;
use mecha_config::{Keepalive, PoolMode, Protocol, Protocols};
use mecha_document::{Node, Object, shortened};

use super::protocol::listed;

/// Smallest and largest `max_frame_size` in bytes: room for a head with some fields, and what Bolt's and Dubbo's signed
/// lengths can say.
const FRAME: (usize, usize) = (1 << 10, i32::MAX as usize);

/// Most requests that a connection may have served side by side.
const MOST_CONCURRENT: usize = 1 << 16;

/// A limit, and which protocol's section set it.
struct Limit<T> {
    key: &'static str,
    set: Option<(T, &'static str)>,
}

/// The sections of `extend_config` that belong to RPC protocols, or its flat form when all protocols of the listener are
/// such. A listener has one set of limits for all of them.
pub(super) fn options(extend: &Object<'_>, downstream: &Protocols) -> RpcOptions {
    let mut frame = Limit { key: "max_frame_size", set: None };
    let mut concurrent = Limit { key: "max_concurrent_requests", set: None };
    let mut go_away = Limit { key: "enable_bolt_goaway", set: None };
    let mut read = |fields: &Object<'_>, section: &'static str| {
        frame.read(fields, section, |node| node.whole(FRAME.0, FRAME.1));
        concurrent.read(fields, section, |node| node.whole(1, MOST_CONCURRENT));
        if section.starts_with("bolt") {
            go_away.read(fields, section, Node::flag);
        }
    };
    let rpc = || Protocol::ALL.into_iter().filter(|protocol| protocol.is_rpc());
    let sections: Vec<_> =
        rpc().filter_map(|protocol| Some((protocol.name(), extend.object(protocol.name())?))).collect();
    for (section, fields) in &sections {
        read(fields, section);
    }
    if let Some(first) = only_rpc(downstream).filter(|_| sections.is_empty()) {
        read(extend, first.name());
    }
    // MOSN's flat key, where it needs nothing.
    extend.accept(&["enable_bolt_goaway"]);
    let defaults = RpcOptions::default();
    RpcOptions {
        max_frame: frame.or(defaults.max_frame),
        max_concurrent: concurrent.or(defaults.max_concurrent),
        go_away: go_away.or(defaults.go_away),
    }
}

/// The first protocol of a listener that serves no HTTP.
fn only_rpc(downstream: &Protocols) -> Option<Protocol> {
    let all = match downstream {
        Protocols::One(one) => std::slice::from_ref(one),
        Protocols::Detect(several) => several,
    };
    all.first().copied().filter(|_| all.iter().all(|protocol| protocol.is_rpc()))
}

impl<T: Copy + PartialEq> Limit<T> {
    fn read<'d>(
        &mut self,
        fields: &Object<'d>,
        section: &'static str,
        value: impl FnOnce(Node<'d>) -> Option<T>,
    ) {
        let Some(node) = fields.get(self.key) else { return };
        let Some(value) = value(node) else { return };
        if let Some((_, other)) = self.set.filter(|(known, _)| *known != value) {
            node.warn_with(
                format!("\"{other}\" says otherwise, and the RPC protocols of a listener share this setting"),
                format!("give both the same value, or each protocol a listener; this one, of \"{section}\", is used"),
            );
        }
        self.set = Some((value, section));
    }

    fn or(self, default: T) -> T {
        self.set.map_or(default, |(value, _)| value)
    }
}

/// `keepalive`. Zero stands for the default, as in MOSN: there is no connection without heartbeats.
pub(super) fn keepalive(fields: &Object<'_>) -> Keepalive {
    let defaults = Keepalive::default();
    let given = |key| fields.duration(key).filter(|time| !time.is_zero());
    Keepalive {
        interval: given("interval").unwrap_or(defaults.interval),
        timeout: given("timeout").unwrap_or(defaults.timeout),
    }
}

/// `pool_mode`.
pub(super) fn pool_mode((node, text): (Node<'_>, &str)) -> Option<PoolMode> {
    let known = PoolMode::ALL.into_iter().find(|mode| mode.name() == text);
    if known.is_none() {
        let names = PoolMode::ALL.map(PoolMode::name);
        let hint = match nearest(text, names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("known are {}", listed(names.into_iter())),
        };
        node.error_with(format!("there is no pool mode \"{}\"", shortened(text)), hint);
    }
    known
}

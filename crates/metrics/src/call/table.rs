//! The methods that a registry knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{CallKind, CallScope, CallStat, MAX_CALL_NAME, MAX_CALLS};

/// Every method by kind, listener, service and method; those beyond the limit share one scope for each kind.
#[derive(Debug)]
pub(crate) struct CallTable {
    workers: usize,
    limit: usize,
    known: RwLock<BTreeMap<Key, Arc<CallScope>>>,
    overflow: [Arc<CallScope>; 2],
}

/// The kind and the names, each closed by a zero byte, so that one slice finds them and they sort as they are read.
type Key = Box<[u8]>;

impl CallTable {
    pub(crate) fn new(workers: usize) -> Self {
        CallTable {
            workers,
            limit: MAX_CALLS,
            known: RwLock::default(),
            overflow: CallKind::ALL.map(|kind| CallScope::overflow(workers, kind)),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_limit(workers: usize, limit: usize) -> Self {
        CallTable { limit, ..CallTable::new(workers) }
    }

    /// The method's scope, made if need be; `None` when there are too many or a name is too long.
    pub(crate) fn find(&self, kind: CallKind, listener: &str, call: [&[u8]; 2]) -> Option<Arc<CallScope>> {
        if call.iter().any(|name| name.len() > MAX_CALL_NAME) {
            return None;
        }
        let [service, method] = call.map(String::from_utf8_lossy);
        let names = [listener, &*service, &*method];
        let key = key(kind, &names);
        if let Some(known) = self.known.read().get(&*key) {
            return Some(known.clone());
        }
        let mut known = self.known.write();
        if known.len() >= self.limit {
            return known.get(&*key).cloned();
        }
        let made = || Arc::new(CallScope::new(self.workers, kind, names));
        Some(known.entry(key).or_insert_with(made).clone())
    }

    pub(crate) fn overflow(&self, kind: CallKind) -> &Arc<CallScope> {
        let [rpc, grpc] = &self.overflow;
        match kind {
            CallKind::Rpc => rpc,
            CallKind::Grpc => grpc,
        }
    }

    pub(crate) fn remove_listener(&self, listener: &str) {
        let begins = CallKind::ALL.map(|kind| key(kind, &[listener]));
        self.known.write().retain(|key, _| !begins.iter().any(|begin| key.starts_with(begin)));
    }

    /// All of a kind in the order of listeners, services and methods, and what stands in for the rest once it is used.
    pub(crate) fn of(&self, kind: CallKind) -> Vec<Arc<CallScope>> {
        let overflow = Some(self.overflow(kind)).filter(|scope| scope.value(CallStat::RequestTotal) > 0);
        let known = self.known.read();
        known.values().filter(|scope| scope.kind == kind).chain(overflow).cloned().collect()
    }
}

fn key(kind: CallKind, names: &[&str]) -> Key {
    let mut key = vec![kind as u8];
    for name in names {
        key.extend_from_slice(name.as_bytes());
        key.push(0);
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_off_the_wire_are_bounded() {
        let table = CallTable::with_limit(1, 2);
        let find = |service: &[u8], method: &[u8]| table.find(CallKind::Rpc, "l", [service, method]);
        let first = find(b"a", b"x").unwrap();
        assert!(Arc::ptr_eq(&first, &find(b"a", b"x").unwrap()));
        assert!(find(b"a", b"y").is_some());
        assert!(find(b"b", b"x").is_none(), "there is no room for a third");
        assert!(find(b"a", b"x").is_some(), "those that are known stay");
        assert!(find(&[b'a'; MAX_CALL_NAME + 1], b"x").is_none());
        let unused = table.overflow(CallKind::Rpc).shard(0).unwrap();
        assert_eq!((table.of(CallKind::Rpc).len(), table.of(CallKind::Grpc).len()), (2, 0));
        unused.inc(CallStat::RequestTotal);
        assert_eq!(table.of(CallKind::Rpc).len(), 3);
        table.remove_listener("other");
        assert!(find(b"b", b"x").is_none());
        table.remove_listener("l");
        assert!(find(b"b", b"x").is_some(), "room again");
    }

    #[test]
    fn workers_count_on_their_own_shards_and_the_sum_is_exact() {
        let table = CallTable::new(2);
        let scope = table.find(CallKind::Grpc, "l", [b"a\xff", b"x"]).unwrap();
        std::thread::scope(|threads| {
            for worker in 0..3 {
                let shard = scope.shard(worker).unwrap();
                threads.spawn(move || (0..10_000).for_each(|_| shard.inc(CallStat::ResponseSuccTotal)));
            }
        });
        assert_eq!(scope.value(CallStat::ResponseSuccTotal), 30_000);
        assert_eq!(scope.value(CallStat::RequestTotal), 0);
        let labels: Vec<_> = scope.labels().collect();
        assert_eq!(labels, [("listener", "l"), ("method", "x"), ("service", "a\u{fffd}")]);
    }
}

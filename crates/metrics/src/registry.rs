//! The registry: where scopes are found by name, and where the two text forms are read from. One a process, shared
//! by the workers, the configuration and the admin API.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::call::{CallKind, CallScope, CallTable};
use crate::mosn::{self, MosnStats};
use crate::scope::{Scope, Subject};
use crate::server::{ServerStat, ServerStats};
use crate::table::Table;
use crate::{DownstreamScope, UpstreamScope, prometheus};

/// How many listener, cluster and host scopes a registry keeps unless told otherwise.
pub const MAX_SCOPES: usize = 100_000;
/// The name of the scopes that stand in for those beyond the limit.
pub const OVERFLOW: &str = "_overflow";

/// Every metric of the process.
///
/// Scopes are found or made by name: the same name gives the same scope, so counters survive a reload of the
/// configuration. Beyond the limit on scopes, one shared scope named [`OVERFLOW`] is returned and
/// [`ServerStat::ScopeOverflow`] grows, so that a configuration with a name for every request cannot eat the memory.
/// Looking up takes a lock: do it when configuration is built, not for a request.
#[derive(Debug)]
pub struct Registry {
    workers: usize,
    global: Arc<DownstreamScope>,
    downstream_overflow: Arc<DownstreamScope>,
    upstream_overflow: Arc<UpstreamScope>,
    server: ServerStats,
    version: OnceLock<Box<str>>,
    table: Mutex<Table>,
    calls: CallTable,
}

impl Registry {
    /// A registry for this many workers, with room for [`MAX_SCOPES`] scopes.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Self::with_limit(workers, MAX_SCOPES)
    }

    /// A registry for this many workers that keeps at most `limit` listener, cluster and host scopes.
    #[must_use]
    pub fn with_limit(workers: usize, limit: usize) -> Arc<Self> {
        let server = ServerStats::new();
        server.set(ServerStat::Workers, workers as u64);
        Arc::new(Self {
            workers,
            global: Arc::new(Scope::new(workers, Subject::Proxy, "global".into(), None)),
            downstream_overflow: Arc::new(Scope::new(workers, Subject::Listener, OVERFLOW.into(), None)),
            upstream_overflow: Arc::new(Scope::new(workers, Subject::Cluster, OVERFLOW.into(), None)),
            server,
            version: OnceLock::new(),
            table: Mutex::new(Table::new(workers, limit)),
            calls: CallTable::new(workers),
        })
    }

    /// How many workers have a shard of their own. As a worker index it names the control thread's shard.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The statistics of everything that comes in, whatever the listener (MOSN's `proxy=global`).
    #[must_use]
    pub fn downstream_global(&self) -> Arc<DownstreamScope> {
        self.global.clone()
    }

    /// The statistics of a listener.
    #[must_use]
    pub fn listener(&self, name: &str) -> Arc<DownstreamScope> {
        if name == OVERFLOW {
            return self.downstream_overflow.clone();
        }
        self.find(|table| table.listener(name)).unwrap_or_else(|| self.downstream_overflow.clone())
    }

    /// The statistics of a cluster.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Arc<UpstreamScope> {
        if name == OVERFLOW {
            return self.upstream_overflow.clone();
        }
        self.find(|table| table.cluster(name)).unwrap_or_else(|| self.upstream_overflow.clone())
    }

    /// The statistics of one host of a cluster.
    #[must_use]
    pub fn host(&self, cluster: &str, addr: &str) -> Arc<UpstreamScope> {
        self.find(|table| table.host(cluster, addr)).unwrap_or_else(|| self.upstream_overflow.clone())
    }

    /// The statistics of one method of a service, called through a listener; the names as they came, whatever they hold.
    /// `None` when [`crate::MAX_CALLS`] are known already, or a name is longer than [`crate::MAX_CALL_NAME`]: then
    /// [`Registry::call_overflow`] counts. Takes a lock: keep what it gives.
    #[must_use]
    pub fn call(
        &self,
        kind: CallKind,
        listener: &str,
        service: &[u8],
        method: &[u8],
    ) -> Option<Arc<CallScope>> {
        self.calls.find(kind, listener, [service, method])
    }

    /// The statistics of all methods that have none of their own, with [`OVERFLOW`] for each name.
    #[must_use]
    pub fn call_overflow(&self, kind: CallKind) -> &Arc<CallScope> {
        self.calls.overflow(kind)
    }

    /// Forgets a listener: its series disappear. Those who still hold the scope may count on; nobody will see it,
    /// and a listener of that name starts again from zero.
    pub fn remove_listener(&self, name: &str) {
        self.change(|table| table.remove_listener(name));
        self.calls.remove_listener(name);
    }

    /// Forgets a cluster and all its hosts, in the same sense as [`Registry::remove_listener`].
    pub fn remove_cluster(&self, name: &str) {
        self.change(|table| table.remove_cluster(name));
    }

    /// Forgets a host, in the same sense as [`Registry::remove_listener`].
    pub fn remove_host(&self, cluster: &str, addr: &str) {
        self.change(|table| table.remove_host(cluster, addr));
    }

    /// The metrics of the process itself: state, reloads, the access log's counts.
    #[must_use]
    pub fn server(&self) -> &ServerStats {
        &self.server
    }

    /// Says which version runs, for `server_build_info`. Only the first call counts.
    pub fn set_version(&self, version: &str) {
        // The version of a running process cannot change, so a second call has nothing to add.
        let _ = self.version.set(version.into());
    }

    /// The version, when it has been said.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.get().map(AsRef::as_ref)
    }

    /// Appends everything in the Prometheus text format 0.0.4 (content type `text/plain; version=0.0.4`).
    ///
    /// Names are MOSN's type and key (`downstream_request_total`); durations are real histograms in seconds. Listeners,
    /// clusters and hosts appear from the moment a worker first uses them: an idle one has no series.
    pub fn prometheus(&self, out: &mut String) {
        prometheus::write(self, out);
    }

    /// The shape of MOSN's `/api/v1/stats`: type, then labels as `k.v.k.v`, then metric, then value (reference
    /// mosn.md section 4). Idle scopes are listed, with zeros. Durations are nanoseconds: `key_min` and `key_max`
    /// since the start, and their sum `key_total`.
    #[must_use]
    pub fn mosn_stats(&self) -> MosnStats {
        mosn::stats(self)
    }

    /// One entry of [`Registry::mosn_stats`] by `type.k.v.k.v`, as `/api/v1/stats?key=` asks for it; `None` when
    /// there is no such entry.
    #[must_use]
    pub fn mosn_key(&self, key: &str) -> Option<Vec<(String, String)>> {
        mosn::key(self, key)
    }

    /// The lines of MOSN's `/api/v1/stats_glob`: the global proxy's metrics as key and value.
    #[must_use]
    pub fn mosn_glob(&self) -> Vec<(String, String)> {
        mosn::glob(self)
    }

    /// The global scope, every listener's, and the stand-in once it is used.
    pub(crate) fn downstream(&self) -> Vec<Arc<DownstreamScope>> {
        let overflow = Some(self.downstream_overflow.clone()).filter(|scope| scope.is_used());
        let table = self.table.lock();
        std::iter::once(self.global.clone()).chain(table.downstream()).chain(overflow).collect()
    }

    /// Every cluster's scope, every host's, and the stand-in once it is used.
    pub(crate) fn upstream(&self) -> Vec<Arc<UpstreamScope>> {
        let overflow = Some(self.upstream_overflow.clone()).filter(|scope| scope.is_used());
        let table = self.table.lock();
        table.upstream().chain(overflow).collect()
    }

    /// The methods of a kind.
    pub(crate) fn calls(&self, kind: CallKind) -> Vec<Arc<CallScope>> {
        self.calls.of(kind)
    }

    fn find<T>(&self, look: impl FnOnce(&mut Table) -> Option<T>) -> Option<T> {
        let found = self.change(look);
        if found.is_none() {
            self.server.inc(ServerStat::ScopeOverflow);
        }
        found
    }

    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table.lock();
        let result = change(&mut table);
        self.server.set(ServerStat::Scopes, table.count() as u64);
        result
    }
}

#[cfg(test)]
mod tests;

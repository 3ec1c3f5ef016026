//! Where other applications are: names become addresses of their runtimes' internal servers, and those become clusters
//! (reference 3.7). What was found is kept for a minute and looked up again in the background after half of it, so that
//! only the first call to an application waits.

mod fixed;
mod host;
mod mdns;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::HeaderValue;
use mecha_config::cluster::HostAddress;
use mecha_config::runtime::Runtime;
use mecha_config::{Cluster, Speaks};
use mecha_proxy::Worker;
use parking_lot::Mutex;

use crate::clusters::Clusters;
use crate::doors;
use crate::invoke::Service;
use fixed::Fixed;
pub(crate) use host::{host_address, host_name};
use mdns::Mdns;

/// How long an answer holds.
const LIFE: Duration = Duration::from_secs(60);
/// When it is looked up again.
const REFRESH: Duration = Duration::from_secs(30);
/// How long "nobody knows" holds, so that calls to an application that is not there do not all ask.
const ABSENCE: Duration = Duration::from_secs(1);
/// Most applications, and most services, that are remembered.
const MOST: usize = 1024;

/// An application by its id and namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName {
    /// Its id.
    pub id: String,
    /// Its namespace; may be empty.
    pub namespace: String,
    /// As it was written.
    text: String,
}

impl AppName {
    /// Reads `app` or `app.namespace`; without a namespace it is `own`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str, own: &str) -> Result<Self, String> {
        let mut parts = text.split('.');
        let (id, namespace) = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            ("", None, _) => return Err("app id is empty".to_owned()),
            (id, None, _) => (id, own),
            (id, Some(namespace), None) if !id.is_empty() => (id, namespace),
            _ => return Err(format!("invalid app id {text}")),
        };
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !text.bytes().all(|byte| valid(byte) || byte == b'.') {
            return Err(format!("invalid app id {text}"));
        }
        Ok(AppName { id: id.to_owned(), namespace: namespace.to_owned(), text: text.to_owned() })
    }
}

/// As it was written.
impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A cluster that is made known.
#[derive(Clone, Debug)]
pub struct Known {
    cluster: Arc<Cluster>,
    /// Its name, as a call carries it.
    pub(crate) header: HeaderValue,
}

impl Known {
    /// `None` when a call can't carry its name.
    pub(crate) fn new(cluster: Cluster) -> Option<Self> {
        let header = HeaderValue::try_from(&cluster.name).ok()?;
        Some(Known { cluster: Arc::new(cluster), header })
    }
}

/// Finds the internal servers of an application.
pub(crate) trait Resolver: Send + Sync {
    /// Their addresses; at least one.
    ///
    /// # Errors
    /// What to tell the caller.
    fn resolve(&self, app: &AppName) -> BoxFuture<'static, Result<Vec<HostAddress>, String>>;

    /// The application was not reached where it was said to be: what is remembered of that does not count any more.
    fn doubt(&self, _app: &AppName) {}
}

type Asking = Shared<BoxFuture<'static, Result<Known, String>>>;

#[derive(Default)]
struct Entry {
    known: Option<(Known, Instant)>,
    absent: Option<(String, Instant)>,
    asking: Option<Asking>,
    used: Option<Instant>,
}

/// Where other applications are.
pub struct Names(Arc<Inner>);

struct Inner {
    resolver: Arc<dyn Resolver>,
    fixed: Fixed,
    mdns: Option<Arc<Mdns>>,
    /// By which others reach this machine.
    host: IpAddr,
    clusters: Arc<dyn Clusters>,
    tasks: tokio::runtime::Handle,
    table: Mutex<HashMap<AppName, Entry>>,
    services: Mutex<BTreeMap<String, Arc<Service>>>,
}

impl Names {
    pub(crate) fn new(config: &Runtime, clusters: Arc<dyn Clusters>, tasks: tokio::runtime::Handle) -> Self {
        let settings = config.settings.name_resolution.as_ref();
        let fixed = Fixed::new(config);
        let (resolver, mdns): (Arc<dyn Resolver>, _) = match settings.map_or("mdns", |s| s.component.as_str())
        {
            "mdns" => {
                let mdns = Mdns::new(tasks.clone());
                (mdns.clone(), Some(mdns))
            }
            "static" => (Arc::new(fixed::Nobody(None)), None),
            other => (Arc::new(fixed::Nobody(Some(other.to_owned()))), None),
        };
        Names(Arc::new(Inner {
            resolver,
            fixed,
            mdns,
            host: host_address(config.process.host_ip),
            clusters,
            tasks,
            table: Mutex::default(),
            services: Mutex::default(),
        }))
    }

    /// Tells others where this application's internal server is, until the runtime ends. An address that means every
    /// interface is told as the host's own.
    pub fn announce(&self, app_id: &str, internal: SocketAddr) {
        let Some(mdns) = &self.0.mdns else { return };
        let ip = if internal.ip().is_unspecified() { self.0.host } else { internal.ip() };
        let address = SocketAddr::new(ip, internal.port());
        mdns.announce(app_id, address);
        tracing::info!("local service entry announced: {app_id} -> {address}");
    }

    /// Takes that back.
    pub fn withdraw(&self) {
        if let Some(mdns) = &self.0.mdns {
            mdns.withdraw();
        }
    }

    /// By which address others reach this machine.
    pub(crate) fn host(&self) -> IpAddr {
        self.0.host
    }

    /// The cluster of an application.
    ///
    /// # Errors
    /// When nobody knows the application; what to tell the caller.
    pub(crate) async fn find(&self, app: &AppName) -> Result<Known, String> {
        let asking = {
            let now = Instant::now();
            let table = &mut *self.0.table.lock();
            if !table.contains_key(app) {
                make_room(table);
            }
            let entry = match table.get_mut(app) {
                Some(entry) => entry,
                None => table.entry(app.clone()).or_default(),
            };
            entry.used = Some(now);
            if let Some((known, found)) = &entry.known
                && now.duration_since(*found) < LIFE
            {
                let known = known.clone();
                if now.duration_since(*found) >= REFRESH && entry.asking.is_none() {
                    entry.asking = Some(self.ask(app));
                }
                return Ok(known);
            }
            if let Some((why, since)) = &entry.absent
                && now.duration_since(*since) < ABSENCE
            {
                return Err(why.clone());
            }
            entry.asking.get_or_insert_with(|| self.ask(app)).clone()
        };
        asking.await
    }

    /// Asks in the background; the answer goes into the table.
    fn ask(&self, app: &AppName) -> Asking {
        let (inner, app) = (self.0.clone(), app.clone());
        let task = self.0.tasks.spawn(async move {
            let found = match inner.fixed.find(&app) {
                Some(hosts) => Ok(hosts),
                None => inner.resolver.resolve(&app).await,
            };
            inner.learn(&app, found)
        });
        let ended = |_| Err("the runtime ends".to_owned());
        task.map(move |result| result.unwrap_or_else(ended)).boxed().shared()
    }

    /// Makes sure that the calling worker knows a cluster.
    pub(crate) fn tell(&self, known: &Known) {
        let heard = Worker::current().is_some_and(|worker| worker.has_cluster(&known.cluster.name));
        if !heard {
            self.0.clusters.put(Cluster::clone(&known.cluster));
        }
    }

    /// An application could not be reached: its addresses are looked up again before the next call.
    pub(crate) fn doubt(&self, app: &AppName) {
        if let Some(entry) = self.0.table.lock().get_mut(app) {
            entry.known = None;
        }
        self.0.resolver.doubt(app);
    }

    /// A service that was made ready before.
    pub(crate) fn service(&self, name: &str) -> Option<Arc<Service>> {
        self.0.services.lock().get(name).cloned()
    }

    /// Keeps a service for later calls.
    pub(crate) fn keep_service(&self, name: &str, service: Arc<Service>) {
        let mut services = self.0.services.lock();
        if services.len() < MOST {
            services.insert(name.to_owned(), service);
        }
    }
}

impl Inner {
    fn learn(&self, app: &AppName, found: Result<Vec<HostAddress>, String>) -> Result<Known, String> {
        let known = found.and_then(|mut hosts| {
            // In whatever order they answer, the cluster is the same.
            hosts.sort_unstable_by_key(ToString::to_string);
            hosts.dedup();
            let cluster = doors::cluster(&format!("{}/{app}", doors::INVOKE), hosts, Speaks::Dapr);
            Known::new(cluster).ok_or_else(|| format!("invalid app id {app}"))
        });
        if let Ok(known) = &known {
            self.clusters.put(Cluster::clone(&known.cluster));
        }
        let now = Instant::now();
        if let Some(entry) = self.table.lock().get_mut(app) {
            entry.asking = None;
            match &known {
                Ok(known) => (entry.known, entry.absent) = (Some((known.clone(), now)), None),
                Err(why) => entry.absent = Some((why.clone(), now)),
            }
        }
        known
    }
}

/// Forgets the application that was not called for the longest, when there are too many.
fn make_room(table: &mut HashMap<AppName, Entry>) {
    if table.len() < MOST {
        return;
    }
    let oldest = table.iter().min_by_key(|(_, entry)| entry.used).map(|(app, _)| app.clone());
    if let Some(oldest) = oldest {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests;

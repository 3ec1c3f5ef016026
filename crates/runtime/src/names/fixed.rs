//! Names that a configuration lists.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mecha_config::cluster::HostAddress;
use mecha_config::runtime::Runtime;

use super::{AppName, Resolver};
use crate::doors;

/// Addresses by name.
#[derive(Default)]
pub(super) struct Fixed(BTreeMap<String, Vec<HostAddress>>);

impl Fixed {
    /// What the name resolution component `static` lists, read by the front end: app ids, or app ids with a namespace
    /// behind a dot, each with one address or several.
    pub(super) fn new(config: &Runtime) -> Self {
        let mut names = BTreeMap::new();
        for (name, addresses) in &config.process.static_names {
            let hosts: Vec<_> = addresses.iter().filter_map(|address| read(name, address)).collect();
            if !hosts.is_empty() {
                names.insert(name.clone(), hosts);
            }
        }
        Fixed(names)
    }

    /// The addresses of an application; with its namespace first.
    pub(super) fn find(&self, app: &AppName) -> Option<Vec<HostAddress>> {
        let full = format!("{}.{}", app.id, app.namespace);
        [full.as_str(), app.to_string().as_str(), app.id.as_str()]
            .into_iter()
            .find_map(|name| self.0.get(name))
            .cloned()
    }
}

fn read(name: &str, address: &str) -> Option<HostAddress> {
    let found = address.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| doors::host_address(host, port))
    });
    if found.is_none() {
        tracing::warn!("name resolution: {address} (of {name}) is no address; write host:port");
    }
    found
}

/// Knows nobody: what is not listed is not there, or the named component is not available.
pub(super) struct Nobody(pub(super) Option<String>);

impl Resolver for Nobody {
    fn resolve(&self, app: &AppName) -> BoxFuture<'static, Result<Vec<HostAddress>, String>> {
        let why = match &self.0 {
            None => format!("couldn't find service: {}", app.id),
            Some(component) => {
                format!("couldn't find service: {}: name resolution by {component} is not available", app.id)
            }
        };
        async move { Err(why) }.boxed()
    }
}

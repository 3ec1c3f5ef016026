//! Changed resource files (reference 3.5): what changed is closed and started again, everything else goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use mecha_config::runtime::{Component, ResourceKind, Resources};

use super::{LoadError, Starter};
use crate::runtime::Runtime;

/// What a change of the files came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Something changed that holds for the runtime as a whole (Resiliency, HTTPEndpoint): it must be started again.
    /// Nothing was done then.
    pub restart: bool,
}

impl Runtime {
    /// Makes the running components and subscriptions those of `resources`. What is equal stays untouched.
    ///
    /// # Errors
    /// When a new or changed component can't be loaded whose failure is not to be ignored: the process is to end.
    pub async fn apply(self: &Arc<Self>, resources: Resources) -> Result<Applied, LoadError> {
        let known = &self.config().resources;
        if resources.resiliency != known.resiliency || resources.endpoints != known.endpoints {
            return Ok(Applied { restart: true });
        }
        let _alone = self.loader().alone().await;
        let wanted: BTreeMap<String, Component> = resources
            .components
            .iter()
            .map(|component| (component.name.clone(), component.clone()))
            .collect();
        let running = self.loader().declared();
        for old in &running {
            match wanted.get(&old.name) {
                Some(new) if new == old => {}
                Some(_) => {
                    tracing::info!("Closing existing Component to reload: {}", old.log_name());
                    self.close_component(&old.name).await;
                }
                None => {
                    tracing::info!("Closing removed Component: {}", old.log_name());
                    self.close_component(&old.name).await;
                }
            }
        }
        let is_running = |component: &Component| running.iter().any(|old| old == component);
        let fresh: Vec<_> =
            resources.components.into_iter().filter(|component| !is_running(component)).collect();
        let is_step = |component: &Component| component.block() == ResourceKind::Middleware;
        let is_gone = |component: &&Component| wanted.get(&component.name) != Some(component);
        let rebuild = fresh.iter().any(is_step) || running.iter().filter(is_gone).any(is_step);
        self.start_all(fresh, Starter::Reload).await?;
        if rebuild && let Err(error) = self.build_pipelines() {
            tracing::error!("Middleware pipelines stay as they were: {error}");
        }
        self.apply_subscriptions(resources.subscriptions).await;
        Ok(Applied::default())
    }

    /// Takes a component out of use and closes its driver.
    async fn close_component(&self, name: &str) {
        self.loader().forget(name);
        let now = self.components().now();
        if now.pubsub.contains_key(name) {
            self.release_pubsub(name).await;
        }
        self.components().change(|snapshot| snapshot.remove(name));
        if let Some(store) = now.state.get(name) {
            store.driver.close().await;
        }
        if let Some(broker) = now.pubsub.get(name) {
            broker.driver.close().await;
        }
        self.metrics().components_loaded(self.components().now().count());
    }
}

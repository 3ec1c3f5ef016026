//! Components from their declarations to running drivers (reference 3.4, 3.5): secret stores first, since others refer to
//! them, then the rest at once. A component that may fail is tried again in the background; changed files are applied
//! while everything else goes on. The log lines are contract (reference 5.4).

mod connect;
mod failure;
mod properties;
mod reload;
mod retry;
mod table;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream;
use mecha_config::runtime::{Component, ResourceKind};

use crate::runtime::Runtime;

use connect::Ready;
use failure::Failure;
pub use failure::LoadError;
pub use reload::Applied;
pub(crate) use table::Loader;
use table::State;

/// Components that connect at once.
const AT_ONCE: usize = 8;

/// Who starts a component, and so who hears of a failure that is not to be ignored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starter {
    /// The start of the runtime: it ends.
    Boot,
    /// A change of the files: the process ends gracefully.
    Reload,
    /// A secret store that came up late. Nobody waits, so the component is tried again.
    Background,
}

impl Runtime {
    /// Loads the configured components. Called once; `runtime.tasks()` must run.
    ///
    /// # Errors
    /// When one can't be loaded whose failure is not to be ignored. Others may be up then: close them.
    pub async fn load_components(self: &Arc<Self>) -> Result<(), LoadError> {
        let _alone = self.loader().alone().await;
        let components = self.config().resources.components.clone();
        self.start_all(components, Starter::Boot).await?;
        self.warn_of_idle_secret_scopes();
        Ok(())
    }

    /// Closes every component and ends what is tried again; at the end, once nothing uses them.
    pub async fn close_components(&self) {
        self.loader().forget_all();
        let _alone = self.loader().alone().await;
        self.loader().forget_all();
        let now = self.components().now();
        self.components().change(|snapshot| *snapshot = Default::default());
        let state = now.state.values().map(|store| store.driver.close());
        let pubsub = now.pubsub.values().map(|broker| broker.driver.close());
        join_all(state.chain(pubsub)).await;
        self.metrics().components_loaded(0);
    }

    /// Starts components, secret stores before the others.
    async fn start_all(
        self: &Arc<Self>,
        components: Vec<Component>,
        starter: Starter,
    ) -> Result<(), LoadError> {
        let (secrets, others): (Vec<_>, Vec<_>) =
            components.into_iter().partition(|component| component.block() == ResourceKind::SecretStore);
        for component in secrets {
            self.start(component, starter).await?;
        }
        let starts = stream::iter(others).map(|component| self.start(component, starter));
        let mut results = starts.buffered(AT_ONCE);
        while let Some(result) = results.next().await {
            result?;
        }
        Ok(())
    }

    /// Starts one component and those that waited for it.
    fn start(
        self: &Arc<Self>,
        component: Component,
        starter: Starter,
    ) -> BoxFuture<'_, Result<(), LoadError>> {
        Box::pin(async move {
            if self.is_denied(&component) {
                return Ok(());
            }
            let ticket = self.loader().begin(&component);
            match self.prepare(&component).await {
                Ok(ready) => self.came_up(&component, ticket, ready, starter).await,
                Err(Failure::Waiting(store)) => {
                    tracing::warn!(
                        "Component {} references a secret store that isn't loaded: {store}",
                        component.name
                    );
                    self.loader().set(&component.name, ticket, State::Waiting(store));
                    Ok(())
                }
                Err(Failure::Broken(broken)) => self.failed(&component, ticket, broken, starter),
            }
        })
    }

    /// Takes a driver into use, and starts what waited for it: components for a secret store, subscriptions for a broker.
    async fn came_up(
        self: &Arc<Self>,
        component: &Component,
        ticket: u64,
        ready: Ready,
        starter: Starter,
    ) -> Result<(), LoadError> {
        if let Err(ready) = self.install(component, ticket, ready) {
            ready.close().await;
            return Ok(());
        }
        tracing::info!("Component loaded: {}", component.log_name());
        if starter == Starter::Reload {
            tracing::info!("Component updated: {}", component.log_name());
        }
        match component.block() {
            ResourceKind::SecretStore => {
                for waiting in self.loader().waiting_for(&component.name) {
                    self.start(waiting, starter).await?;
                }
            }
            ResourceKind::PubSub => self.on_pubsub_loaded(&component.name).await,
            // Who starts several builds the pipelines once, at the end.
            ResourceKind::Middleware if starter == Starter::Background => {
                if let Err(error) = self.build_pipelines() {
                    tracing::error!("Middleware pipelines stay as they were: {error}");
                }
            }
            ResourceKind::State | ResourceKind::Middleware | ResourceKind::Other => {}
        }
        Ok(())
    }

    fn failed(
        self: &Arc<Self>,
        component: &Component,
        ticket: u64,
        broken: failure::Broken,
        starter: Starter,
    ) -> Result<(), LoadError> {
        let name = component.log_name();
        tracing::error!("Failed to init component {name}: {}", broken.text);
        self.metrics().component_init(&component.kind, &component.name, false);
        let error = LoadError::of(component, &broken);
        let ignore = component.ignore_errors || starter == Starter::Background;
        if !ignore {
            tracing::warn!("Error processing component, daprd will exit gracefully: {error}");
            self.loader().forget(&component.name);
            return Err(error);
        }
        tracing::error!("Ignoring error processing component: {error}");
        let again = broken.may_pass;
        self.loader().set(&component.name, ticket, State::Failed { text: broken.text, again });
        if again {
            self.try_again_later(component, ticket);
        }
        Ok(())
    }

    /// Whether the Configuration refuses the component's type; said in the log.
    fn is_denied(&self, component: &Component) -> bool {
        let versioned = format!("{}/{}", component.kind, component.version);
        let denied = self.config().settings.components_denied.iter().any(|entry| {
            entry.eq_ignore_ascii_case(&component.kind) || entry.eq_ignore_ascii_case(&versioned)
        });
        if denied {
            tracing::warn!(
                "Component {} is not loaded: its type is in components.deny of the Configuration",
                component.log_name()
            );
        }
        denied
    }
}

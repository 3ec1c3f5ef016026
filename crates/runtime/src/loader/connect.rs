//! One component from its declaration to a connected driver.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mecha_base::duration;
use mecha_component::pubsub::DynPubSub;
use mecha_component::secrets::DynSecretStore;
use mecha_component::state::DynStateStore;
use mecha_component::{Context, Driver, Error, ErrorKind, Properties};
use mecha_config::runtime::{Component, ResourceKind};
use mecha_resilience::backoff::Backoff;

use super::failure::{Broken, Failure};
use super::properties::resolve;
use crate::components::{Loaded, Snapshot};
use crate::runtime::Runtime;
use crate::state::StateRules;

/// A system that can't be reached is tried so often more within the component's `initTimeout`
/// (`DaprBuiltInInitializationRetries`, reference 3.4: from half a second, at most 10 s).
const RETRIES: u32 = 3;
const PAUSES: Backoff = Backoff::exponential(Duration::from_secs(10));

/// A component that can be taken into use.
pub(super) enum Ready {
    State(Arc<Loaded<dyn DynStateStore>>, Arc<StateRules>),
    PubSub(Arc<Loaded<dyn DynPubSub>>),
    Secrets(Arc<Loaded<dyn DynSecretStore>>),
    Middleware(Box<(Component, Properties)>),
}

impl Ready {
    pub(super) fn put(self, snapshot: &mut Snapshot) {
        match self {
            Ready::State(store, rules) => {
                let name = store.config.name.clone();
                snapshot.rules.insert(name.clone(), rules);
                snapshot.state.insert(name, store);
            }
            Ready::PubSub(broker) => {
                snapshot.pubsub.insert(broker.config.name.clone(), broker);
            }
            Ready::Secrets(store) => {
                snapshot.secrets.insert(store.config.name.clone(), store);
            }
            Ready::Middleware(middleware) => {
                snapshot.middleware.insert(middleware.0.name.clone(), *middleware);
            }
        }
    }

    /// Lets go of a driver that nobody uses.
    pub(super) async fn close(self) {
        match self {
            Ready::State(store, _) => store.driver.close().await,
            Ready::PubSub(broker) => broker.driver.close().await,
            Ready::Secrets(_) | Ready::Middleware(..) => {}
        }
    }
}

impl Runtime {
    /// Puts a component's properties together and connects its driver, within `initTimeout`.
    pub(super) async fn prepare(&self, component: &Component) -> Result<Ready, Failure> {
        let limit = component.init_timeout;
        tokio::time::timeout(limit, self.prepare_unbounded(component)).await.unwrap_or_else(|_| {
            let limit = duration::to_text(limit);
            let text = format!("init timeout for component {} exceeded after {limit}", component.log_name());
            Err(Failure::Broken(Broken::init(component, text, true)))
        })
    }

    async fn prepare_unbounded(&self, component: &Component) -> Result<Ready, Failure> {
        match component.block() {
            ResourceKind::State => {
                let driver = find(self.drivers().state, component, "state store")?;
                let store = self.connect(driver, component).await?;
                let rules = StateRules::of(component, &store.properties, &self.config().identity);
                match rules {
                    Ok(rules) => {
                        if rules.encryption.is_some() {
                            tracing::info!("automatic encryption enabled for state store {}", component.name);
                        }
                        Ok(Ready::State(store, Arc::new(rules)))
                    }
                    Err(error) => {
                        store.driver.close().await;
                        Err(broken(component, &error))
                    }
                }
            }
            ResourceKind::PubSub => {
                let driver = find(self.drivers().pubsub, component, "message bus")?;
                Ok(Ready::PubSub(self.connect(driver, component).await?))
            }
            ResourceKind::SecretStore => {
                let driver = find(self.drivers().secrets, component, "secret store")?;
                Ok(Ready::Secrets(self.connect(driver, component).await?))
            }
            ResourceKind::Middleware => {
                let properties = resolve(self, component).await?;
                Ok(Ready::Middleware(Box::new((component.clone(), properties))))
            }
            ResourceKind::Other => Err(Failure::Broken(not_ours(component))),
        }
    }

    /// Connects on the threads of drivers, so that what a driver keeps running belongs there.
    async fn connect<T: ?Sized + Send + Sync + 'static>(
        &self,
        driver: &'static Driver<T>,
        component: &Component,
    ) -> Result<Arc<Loaded<T>>, Failure> {
        let properties = resolve(self, component).await?;
        let config = self.config();
        let context = Context {
            name: component.name.clone(),
            app_id: config.identity.app_id.clone(),
            namespace: config.identity.namespace.clone(),
            tasks: self.tasks().clone(),
            data: config.process.data.clone(),
        };
        let task = self.tasks().spawn(connect_in_time(driver.connect, properties.clone(), context));
        let guard = AbortOnDrop(task.abort_handle());
        let connected =
            task.await.unwrap_or_else(|_| Err(Error::internal("the driver panicked; see the log")));
        drop(guard);
        let driver = connected.map_err(|error| broken(component, &error))?;
        Ok(Arc::new(Loaded { config: component.clone(), properties, driver }))
    }
}

type Connect<T> =
    fn(Properties, Context) -> mecha_component::BoxFuture<'static, mecha_component::Result<Arc<T>>>;

async fn connect_in_time<T: ?Sized>(
    connect: Connect<T>,
    properties: Properties,
    context: Context,
) -> mecha_component::Result<Arc<T>> {
    let mut rng = Rng::new();
    let mut number = 0;
    loop {
        let error = match connect(properties.clone(), context.clone()).await {
            Ok(driver) => return Ok(driver),
            Err(error) => error,
        };
        let may_pass = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
        if !may_pass || number == RETRIES {
            return Err(error);
        }
        let pause = PAUSES.pause(number, &mut rng);
        number += 1;
        tracing::debug!("component {}: {error}; trying again in {pause:?}", context.name);
        tokio::time::sleep(pause).await;
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broken(component: &Component, error: &Error) -> Failure {
    let lasting = matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Unsupported);
    Failure::Broken(Broken::init(component, error, !lasting))
}

/// The driver of a component's type and version.
fn find<T: ?Sized>(
    drivers: &'static [Driver<T>],
    component: &Component,
    what: &str,
) -> Result<&'static Driver<T>, Failure> {
    let hint = match Driver::find(drivers, &component.kind, &component.version) {
        Ok(driver) => return Ok(driver),
        Err(hint) => hint,
    };
    let text = format!("couldn't find {what} {}/{}: {hint}", component.kind, component.version);
    Err(Failure::Broken(Broken::create(component, text)))
}

/// Types of building blocks that this version does not have, and those of none.
fn not_ours(component: &Component) -> Broken {
    let feature = match component.kind.split('.').next().unwrap_or_default() {
        "bindings" => "the bindings building block",
        "configuration" => "the configuration building block",
        "lock" => "the distributed lock building block",
        "crypto" => "the cryptography building block",
        "conversation" => "the conversation building block",
        "workflowbackend" => "the workflow building block",
        "workflow" => {
            return Broken::incorrect_type(
                component,
                ": workflows are not available in this version of Mecha",
            );
        }
        "nameresolution" => {
            return Broken::incorrect_type(
                component,
                ": name resolution is configured by spec.nameResolution of the Configuration",
            );
        }
        _ => {
            return Broken::incorrect_type(
                component,
                ": known types begin with state., pubsub., secretstores. and middleware.http.",
            );
        }
    };
    Broken::create(component, format!("{feature} is not available in this version of Mecha"))
}

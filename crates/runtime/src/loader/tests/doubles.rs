//! Drivers that tell what happens to them. A driver's properties say how it behaves:
//! `down` = so many attempts to connect fail, `fault` = each fails with this text, `slow` = none ever ends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use mecha_component::pubsub::{DynPubSub, Handler, PubSub, PublishRequest, SubscribeRequest, Subscription};
use mecha_component::secrets::{DynSecretStore, Metadata, Secret, SecretStore};
use mecha_component::state::{DeleteRequest, DynStateStore, GetRequest, Item, SetRequest, StateStore};
use mecha_component::{BoxFuture, Context, Driver, Drivers, Error, ErrorKind, Features, Properties, Result};

thread_local! {
    static EVENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static FAILED: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

fn tell(event: String) {
    EVENTS.with_borrow_mut(|events| events.push(event));
}

/// What happened to the drivers of this thread since the last call.
pub(super) fn events() -> Vec<String> {
    EVENTS.take()
}

/// Any driver.
struct Double {
    name: String,
    properties: Properties,
}

impl Double {
    async fn connect(properties: Properties, context: Context) -> Result<Arc<Self>> {
        let name = context.name;
        if properties.get("slow").is_some() {
            std::future::pending::<()>().await;
        }
        if let Some(text) = properties.get("fault") {
            return Err(Error::configuration(text));
        }
        let down: u32 = properties.parse("down")?.unwrap_or(0);
        let failed = FAILED.with_borrow_mut(|failed| {
            let count = failed.entry(name.clone()).or_default();
            *count += 1;
            *count <= down
        });
        if failed {
            tell(format!("{name} is down"));
            return Err(Error::unavailable("connection refused"));
        }
        tell(format!("{name} opens"));
        Ok(Arc::new(Double { name, properties }))
    }

    fn closes(&self) {
        tell(format!("{} closes", self.name));
    }
}

impl StateStore for Double {
    fn features(&self) -> Features {
        Features::default()
    }

    async fn get(&self, _: GetRequest) -> Result<Option<Item>> {
        Ok(None)
    }

    async fn set(&self, _: SetRequest) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: DeleteRequest) -> Result<()> {
        Ok(())
    }

    async fn close(&self) {
        self.closes();
    }
}

impl PubSub for Double {
    fn features(&self) -> Features {
        Features::default()
    }

    async fn publish(&self, _: PublishRequest) -> Result<()> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequest, _: Arc<dyn Handler>) -> Result<Arc<dyn Subscription>> {
        Err(Error::unsupported("subscriptions"))
    }

    async fn close(&self) {
        self.closes();
    }
}

/// Its properties are its secrets: `user.password` is the key `password` of the secret `user`.
impl SecretStore for Double {
    async fn get(&self, name: &str, _: &Metadata) -> Result<Secret> {
        let own = |(key, value): (&str, &str)| {
            let (secret, key) = key.split_once('.')?;
            (secret == name).then(|| (key.to_owned(), value.to_owned()))
        };
        let secret: Secret = self.properties.iter().filter_map(own).collect();
        if secret.is_empty() { Err(Error::new(ErrorKind::NotFound, "no such secret")) } else { Ok(secret) }
    }

    async fn get_all(&self, _: &Metadata) -> Result<BTreeMap<String, Secret>> {
        Ok(BTreeMap::new())
    }
}

fn state(properties: Properties, context: Context) -> BoxFuture<'static, Result<Arc<dyn DynStateStore>>> {
    Box::pin(async move { Ok(Double::connect(properties, context).await? as Arc<dyn DynStateStore>) })
}

fn pubsub(properties: Properties, context: Context) -> BoxFuture<'static, Result<Arc<dyn DynPubSub>>> {
    Box::pin(async move { Ok(Double::connect(properties, context).await? as Arc<dyn DynPubSub>) })
}

fn secrets(properties: Properties, context: Context) -> BoxFuture<'static, Result<Arc<dyn DynSecretStore>>> {
    Box::pin(async move { Ok(Double::connect(properties, context).await? as Arc<dyn DynSecretStore>) })
}

static STATE: [Driver<dyn DynStateStore>; 2] = [
    Driver { types: &["state.test", "state.alias"], versions: &["v1", "v2"], connect: state },
    Driver { types: &["state.redis"], versions: &["v1"], connect: state },
];
static PUBSUB: [Driver<dyn DynPubSub>; 1] =
    [Driver { types: &["pubsub.test"], versions: &["v1"], connect: pubsub }];
static SECRETS: [Driver<dyn DynSecretStore>; 1] =
    [Driver { types: &["secretstores.test"], versions: &["v1"], connect: secrets }];

pub(super) const DRIVERS: Drivers = Drivers { state: &STATE, pubsub: &PUBSUB, secrets: &SECRETS };

//! Which drivers there are. Registration is data: a driver crate has a constant for each component type it serves, and
//! the binary lists those constants. What a configuration names and nobody serves is answered with the known names.

use std::path::PathBuf;
use std::sync::Arc;

use mecha_base::names::nearest;
use tokio::runtime::Handle;

use crate::pubsub::DynPubSub;
use crate::secrets::DynSecretStore;
use crate::state::DynStateStore;
use crate::{BoxFuture, Properties, Result};

/// What a driver gets beside its properties.
#[derive(Clone, Debug)]
pub struct Context {
    /// The component's name.
    pub name: String,
    /// The application that this runtime serves.
    pub app_id: String,
    /// Its namespace; empty when there is none.
    pub namespace: String,
    /// Where tasks of the driver run. Operations are polled by whoever calls them, so a driver that blocks does that on
    /// a thread of its own.
    pub tasks: Handle,
    /// Where embedded drivers keep their files; made by the first one that needs it.
    pub data: PathBuf,
}

/// A component type that can be configured.
pub struct Driver<T: ?Sized> {
    /// `state.redis`; the first name is the canonical one, the others are aliases.
    pub types: &'static [&'static str],
    /// Known versions, `v1` first; an empty version in a file means `v1`.
    pub versions: &'static [&'static str],
    /// Reads the properties and connects. Bounded by the component's `initTimeout`.
    pub connect: fn(Properties, Context) -> BoxFuture<'static, Result<Arc<T>>>,
}

impl<T: ?Sized> Driver<T> {
    /// The one of `all` that serves a component type and version; types match in any case, as in Dapr, and an empty
    /// version or `v0` means `v1`.
    ///
    /// # Errors
    /// When there is none: which names or versions are known.
    pub fn find<'d>(
        all: &'d [Driver<T>],
        kind: &str,
        version: &str,
    ) -> std::result::Result<&'d Driver<T>, String> {
        let version = match version {
            "" | "v0" => "v1",
            version => version,
        };
        match all.iter().find(|driver| driver.types.iter().any(|name| name.eq_ignore_ascii_case(kind))) {
            Some(driver) if driver.versions.iter().any(|known| known.eq_ignore_ascii_case(version)) => {
                Ok(driver)
            }
            Some(driver) => Err(format!("its versions are {}", driver.versions.join(", "))),
            None => {
                let known: Vec<&str> = all.iter().flat_map(|driver| driver.types.iter().copied()).collect();
                let near = nearest(kind, known.iter().copied());
                let near = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
                Err(format!("{near}this build knows {}", known.join(", ")))
            }
        }
    }
}

/// Every driver of the process.
#[derive(Clone, Copy, Default)]
pub struct Drivers {
    /// State stores.
    pub state: &'static [Driver<dyn DynStateStore>],
    /// Message brokers.
    pub pubsub: &'static [Driver<dyn DynPubSub>],
    /// Secret stores.
    pub secrets: &'static [Driver<dyn DynSecretStore>],
}

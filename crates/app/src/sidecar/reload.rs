//! Hot reload (reference 3.5): when the files of a runtime change, components and subscriptions are changed in place; a
//! change of anything else begins anew in the same process. What can't be loaded changes nothing and is logged.

use std::sync::Arc;

use mecha_config::runtime::Runtime as Model;
use mecha_runtime::{Applied, Runtime};

use super::watch::FileWatch;
use crate::{Load, Options};

/// The feature that switches it off (reference 3.3).
const FEATURE: &str = "HotReload";

/// Follows the files until it is dropped.
pub(super) async fn follow(runtime: Arc<Runtime>, options: Options, load: Load) {
    let model = runtime.config().clone();
    if options.watch.is_empty() || model.settings.features.get(FEATURE) == Some(&false) {
        return;
    }
    let mut watch = FileWatch::new(&options.watch, model.process.reload_interval);
    loop {
        watch.changed().await;
        let load = load.clone();
        let loaded = tokio::task::spawn_blocking(move || load()).await;
        let next = match loaded {
            Ok(Ok(next)) => next.runtime,
            Ok(Err(error)) => {
                tracing::error!("failed to load resources from disk: {error}");
                continue;
            }
            Err(_) => continue,
        };
        let Some(next) = next else { continue };
        let applied = if needs_restart(&model, &next) {
            Ok(Applied { restart: true })
        } else {
            runtime.apply(next.resources).await
        };
        match applied {
            Ok(Applied { restart: true }) => {
                tracing::info!("the configuration changed: triggering SIGHUP reload");
                runtime.shutdown().restart();
                return;
            }
            Ok(_) => {}
            Err(_) => {
                runtime.shutdown().fail();
                return;
            }
        }
    }
}

/// Whether something changed that can't be changed in place.
fn needs_restart(model: &Model, next: &Model) -> bool {
    model.settings != next.settings || model.process.static_names != next.process.static_names
}

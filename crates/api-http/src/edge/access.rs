//! Which APIs are open (`spec.api` of the Configuration). Routes that are closed are not registered, so a call of one is
//! answered as one of no route is.

use mecha_config::runtime::Settings;
use mecha_config::runtime::settings::ApiRule;

use crate::routes::Route;

/// Whether the route is open.
pub(crate) fn is_open(route: &Route, settings: &Settings) -> bool {
    let of_http = |rules: &[ApiRule]| {
        let mut rules = rules.iter().filter(|rule| !rule.grpc);
        (rules.clone().next().is_some(), rules.any(|rule| covers(rule, route)))
    };
    if route.is_health() {
        return true;
    }
    let (_, denied) = of_http(&settings.api_denied);
    let (has_allowed, allowed) = of_http(&settings.api_allowed);
    !denied && (!has_allowed || allowed)
}

/// A rule names a group by its version (`v1/state`), or, as it once did, what paths begin with (`v1.0/state`).
fn covers(rule: &ApiRule, route: &Route) -> bool {
    let ApiRule { name, version, .. } = rule;
    if *version == route.version.group() && *name == route.group {
        return true;
    }
    let path = format!("{}/{}", route.version.path(), route.template);
    path.starts_with(&format!("{version}/{name}"))
}

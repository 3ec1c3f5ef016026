//! Components.

use mecha_config::runtime::Component;

use super::head::Head;
use super::property::properties;

/// A component; `None` when it has no type.
pub(super) fn component(head: &Head<'_>) -> Option<Component> {
    let spec = &head.spec;
    let component = Component {
        name: head.name.clone(),
        kind: spec.text("type").unwrap_or_default().to_owned(),
        version: spec.text("version").unwrap_or(Component::VERSION).to_owned(),
        ignore_errors: spec.flag("ignoreErrors"),
        init_timeout: spec
            .duration("initTimeout")
            .filter(|time| !time.is_zero())
            .unwrap_or(Component::INIT_TIMEOUT),
        properties: properties(spec, "metadata"),
        secret_store: head.secret_store.clone(),
        place: head.place(),
    };
    if component.kind.is_empty() {
        spec.node().error_with("this component has no type", "set spec.type, for example state.redis");
        return None;
    }
    Some(component)
}

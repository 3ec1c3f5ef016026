//! Static name resolution: the component `static` of `spec.nameResolution`, a component of ours. Its configuration lists
//! the addresses of other runtimes' internal servers by app id; `orders.production` means the app in a namespace.
//!
//! ```yaml
//! spec:
//!   nameResolution:
//!     component: static
//!     configuration:
//!       apps:
//!         orders: ["127.0.0.1:5001", "127.0.0.1:5002"]
//!         checkout: 127.0.0.1:5003
//! ```

use std::collections::BTreeMap;

use mecha_config::runtime::Settings;
use mecha_config::{Diagnostic, Diagnostics, Severity};
use serde_json::Value;

/// The component's name.
const STATIC: &str = "static";

const KEY: &str = "spec.nameResolution.configuration.apps";

/// The addresses by app id; none when another component resolves names.
pub(crate) fn static_names(settings: &Settings, found: &mut Diagnostics) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    let Some(resolution) = settings.name_resolution.as_ref().filter(|names| names.component == STATIC) else {
        return names;
    };
    let Some(apps) = resolution.configuration.get("apps").and_then(Value::as_object) else {
        let message = "static name resolution lists no apps";
        found.0.push(finding(
            KEY.to_owned(),
            message.to_owned(),
            "write apps: {orders: [\"127.0.0.1:5001\"]}",
        ));
        return names;
    };
    for (app, value) in apps {
        let listed = match value {
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let bad = listed.iter().find(|address| !is_address(address));
        if listed.is_empty() || bad.is_some() {
            let shown = bad.cloned().unwrap_or_else(|| value.to_string());
            let message = format!("{shown} is no address of a runtime's internal server");
            found.0.push(finding(format!("{KEY}.{app}"), message, "write host:port"));
        } else {
            names.insert(app.clone(), listed);
        }
    }
    names
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn finding(key: String, message: String, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        file: "".into(),
        line: 0,
        column: 0,
        key,
        message,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use mecha_config::runtime::settings::NameResolution;
    use serde_json::json;

    use super::*;

    fn names(component: &str, configuration: Value) -> (BTreeMap<String, Vec<String>>, String) {
        let resolution = NameResolution { component: component.to_owned(), configuration };
        let settings = Settings { name_resolution: Some(resolution), ..Settings::default() };
        let mut found = Diagnostics::default();
        let names = static_names(&settings, &mut found);
        (names, found.to_string())
    }

    #[test]
    fn a_list_or_one_address_is_taken() {
        let (names, said) =
            names("static", json!({"apps": {"orders": ["127.0.0.1:5001", "[::1]:2"], "pay.prod": "pay:3"}}));
        assert_eq!(said, "");
        assert_eq!(names["orders"], ["127.0.0.1:5001", "[::1]:2"]);
        assert_eq!(names["pay.prod"], ["pay:3"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let (none, said) = names("static", json!({"apps": {"a": ["host"], "b": 5, "c": "h:0"}}));
        assert!(none.is_empty());
        assert_eq!(
            said,
            "error: spec.nameResolution.configuration.apps.a: host is no address of a runtime's internal server \
             (write host:port)\n\
             error: spec.nameResolution.configuration.apps.b: 5 is no address of a runtime's internal server \
             (write host:port)\n\
             error: spec.nameResolution.configuration.apps.c: h:0 is no address of a runtime's internal server \
             (write host:port)\n"
        );
        assert!(names("static", Value::Null).1.contains("lists no apps"));
        assert_eq!(names("mdns", Value::Null).1, "");
    }
}

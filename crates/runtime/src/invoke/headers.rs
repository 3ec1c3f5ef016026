//! The header fields of an invocation: what belongs to one hop or is ours to say comes off, who calls whom and the trace
//! go on (reference 1.5).

use std::net::IpAddr;
use std::sync::LazyLock;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use mecha_http::dapr::answer;
use mecha_http::headers::OF_ONE_HOP;

use crate::runtime::Runtime;

/// Who calls; clients can't say it themselves.
pub const CALLER_APP_ID: &str = "dapr-caller-app-id";
/// The caller's namespace.
pub const CALLER_NAMESPACE: &str = "dapr-caller-namespace";
/// Who is called.
pub const CALLEE_APP_ID: &str = "dapr-callee-app-id";
/// By which clients name the callee.
pub(super) const APP_ID: &str = "dapr-app-id";
/// Who is called, between runtimes.
pub(super) const DESTINATION_APP_ID: &str = "destination-app-id";

/// Fields that are told by other means, and those that only a runtime says.
const OURS: [&str; 8] = [
    "te",
    "host",
    "content-length",
    CALLER_APP_ID,
    CALLER_NAMESPACE,
    CALLEE_APP_ID,
    APP_ID,
    DESTINATION_APP_ID,
];

/// Takes off what is about one connection only.
pub fn forget_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

/// Takes off what must not go on.
pub(super) fn clean(headers: &mut HeaderMap) {
    forget_connection(headers);
    for name in OURS {
        headers.remove(name);
    }
    answer::forget(headers);
}

/// Says who calls whom.
pub(super) fn name_parties(headers: &mut HeaderMap, runtime: &Runtime, callee: &str) {
    let identity = &runtime.config().identity;
    put(headers, CALLER_APP_ID, &identity.app_id);
    put(headers, CALLER_NAMESPACE, &identity.namespace);
    put(headers, CALLEE_APP_ID, callee);
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

/// Says by whom the call was passed on: another value beside those that are there.
pub(super) fn forwarded(headers: &mut HeaderMap, host: IpAddr) {
    let (address, name) = (&host.to_string(), &*HOST_NAME);
    let both = format!("for={address};by={address};host={name}");
    for (field, value) in [("x-forwarded-for", address), ("x-forwarded-host", name), ("forwarded", &both)] {
        if let Ok(value) = HeaderValue::try_from(value.as_str()) {
            headers.append(field, value);
        }
    }
}

/// Asked for once: it does not change in the life of a process.
static HOST_NAME: LazyLock<String> = LazyLock::new(crate::names::host_name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_not_say_does_not_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("dapr-caller-app-id", "somebody-else"),
            ("dapr-app-id", "orders"),
            ("x-mecha-cluster", "elsewhere"),
            ("x-mecha-type-url", "elsewhere"),
            ("host", "localhost"),
            ("x-stays", "1"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        clean(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-stays"]);
    }

    #[test]
    fn who_passed_a_call_on_is_added_to_who_did_before() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        forwarded(&mut headers, IpAddr::from([10, 0, 0, 1]));
        assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 2);
        let forwarded = headers["forwarded"].to_str().unwrap();
        assert!(forwarded.starts_with("for=") && forwarded.contains(";host="), "{forwarded}");
    }
}

//! Who may call the application (reference 3.3): the policy of the caller, its rules in their order, and defaults. Who a
//! caller is, only mutual TLS can tell; without it the default of all callers holds.

use http::Method;
use mecha_config::runtime::settings::{AccessControl, AccessPolicy, AccessRule};

/// A caller whose identity was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The application.
    pub app_id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its trust domain.
    pub trust_domain: String,
}

/// Whether `caller` may do `method` on `path`. `None` stands for a caller that nobody vouches for; gRPC calls have no
/// method.
pub fn allows(
    control: &AccessControl,
    caller: Option<&Identity>,
    path: &str,
    method: Option<&Method>,
) -> bool {
    let policy = caller.and_then(|caller| control.policies.iter().find(|policy| is_of(policy, caller)));
    let Some(policy) = policy else { return control.allow_by_default };
    let rule = policy.operations.iter().find(|rule| covers(rule, path, method));
    rule.map_or(policy.allow_by_default, |rule| rule.allow)
}

fn is_of(policy: &AccessPolicy, caller: &Identity) -> bool {
    policy.app_id == caller.app_id
        && policy.namespace == caller.namespace
        && policy.trust_domain == caller.trust_domain
}

/// Paths are compared without regard to case for HTTP, as they are for gRPC.
fn covers(rule: &AccessRule, path: &str, method: Option<&Method>) -> bool {
    let (wanted, path) = match method {
        Some(_) => (slashed(&rule.path).to_lowercase(), slashed(path).to_lowercase()),
        None => (slashed(&rule.path), slashed(path)),
    };
    let fits = match wanted.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == wanted,
    };
    let named = |method: &Method| rule.methods.iter().any(|name| name == "*" || name == method.as_str());
    fits && method.is_none_or(named)
}

/// With exactly one slash at the beginning and none at the end.
fn slashed(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> AccessControl {
        let rule = |path: &str, methods: &[&str], allow| AccessRule {
            path: path.to_owned(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            allow,
        };
        let policy = AccessPolicy {
            app_id: "orders".to_owned(),
            allow_by_default: false,
            trust_domain: "public".to_owned(),
            namespace: "shop".to_owned(),
            operations: vec![
                rule("/pay/*", &["POST"], true),
                rule("/list", &["*"], true),
                rule("/drop", &["*"], false),
            ],
        };
        AccessControl { allow_by_default: true, trust_domain: "public".to_owned(), policies: vec![policy] }
    }

    fn caller(namespace: &str) -> Identity {
        Identity {
            app_id: "orders".to_owned(),
            namespace: namespace.to_owned(),
            trust_domain: "public".to_owned(),
        }
    }

    #[test]
    fn the_rules_of_the_caller_hold() {
        let (control, orders) = (control(), caller("shop"));
        let allowed = |path, method| allows(&control, Some(&orders), path, Some(&method));
        assert!(allowed("/pay/now", Method::POST));
        assert!(allowed("Pay/Now/", Method::POST));
        assert!(!allowed("/pay/now", Method::GET));
        assert!(allowed("/list", Method::DELETE));
        assert!(!allowed("/drop", Method::GET));
        assert!(!allowed("/other", Method::GET));
    }

    #[test]
    fn whom_nobody_vouches_for_and_strangers_have_the_default() {
        let control = control();
        assert!(allows(&control, None, "/drop", Some(&Method::GET)));
        assert!(allows(&control, Some(&caller("elsewhere")), "/drop", Some(&Method::GET)));
        let closed = AccessControl { allow_by_default: false, ..control };
        assert!(!allows(&closed, None, "/list", Some(&Method::GET)));
    }

    #[test]
    fn grpc_paths_keep_their_case() {
        let (control, orders) = (control(), caller("shop"));
        assert!(allows(&control, Some(&orders), "/list", None));
        assert!(!allows(&control, Some(&orders), "/List", None));
    }
}

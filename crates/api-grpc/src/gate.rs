//! Who may call what: the API token and the lists of APIs that are open or closed (reference 1.1, 2.1). Asked before
//! anything else happens to a call.

use std::collections::HashSet;

use http::HeaderMap;
use mecha_config::runtime::settings::ApiRule;
use mecha_config::runtime::{Apis, Settings};
use tonic::{Code, Status};

use crate::rpc::{GROUPS, SERVICE};
use crate::status::with_http_info;

/// The metadata that carries the token, to us and to the application.
pub(crate) const TOKEN: &str = "dapr-api-token";

/// What a call must have.
pub(crate) struct Gate {
    token: Option<String>,
    /// Calls that are open; `None` = all.
    allowed: Option<HashSet<&'static str>>,
    denied: HashSet<&'static str>,
}

impl Gate {
    pub(crate) fn new(apis: &Apis, settings: &Settings) -> Self {
        let has_rules = settings.api_allowed.iter().any(|rule| rule.grpc);
        Gate {
            token: apis.token.clone(),
            allowed: has_rules.then(|| calls(&settings.api_allowed)),
            denied: calls(&settings.api_denied),
        }
    }

    /// Lets a call in, or says what it is answered. The token is taken off: it is nobody's business behind the gate.
    pub(crate) fn admit(&self, path: &str, headers: &mut HeaderMap) -> Result<(), Box<Status>> {
        if let Some(call) = path.strip_prefix(SERVICE) {
            let open = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(call));
            if !open || self.denied.contains(call) {
                let text = "requested endpoint is not available";
                return Err(Box::new(with_http_info(Code::Unimplemented, text, 501, text)));
            }
        }
        let Some(token) = &self.token else { return Ok(()) };
        let wrong = match headers.remove(TOKEN) {
            None => "missing api token in request metadata",
            Some(given) if same(given.as_bytes(), token.as_bytes()) => return Ok(()),
            Some(_) => "authentication error: api token mismatch",
        };
        Err(Box::new(with_http_info(Code::Unauthenticated, wrong, 401, wrong)))
    }
}

/// The calls that rules for gRPC name.
fn calls(rules: &[ApiRule]) -> HashSet<&'static str> {
    let named = rules.iter().filter(|rule| rule.grpc).map(|rule| (rule, group_version(&rule.version)));
    named
        .flat_map(|(rule, version)| {
            let is = move |name: &str| {
                name.split_once('.').is_some_and(|(group, v)| group == rule.name && v == version)
            };
            GROUPS.iter().filter(move |group| is(group.name)).flat_map(|group| group.calls)
        })
        .copied()
        .collect()
}

/// `v1.0-alpha1` as groups write it: `v1alpha1`.
fn group_version(version: &str) -> String {
    version.replacen(".0", "", 1).replace('-', "")
}

/// Compares without telling by its duration where the first difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

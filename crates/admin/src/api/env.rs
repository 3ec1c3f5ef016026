//! `GET /api/v1/env?key=NAME&key=...`: variables of the process' environment.

use std::env;

use serde_json::{Map, Value, json};

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/env",
    methods: Methods::Get,
    help: "environment variables; ?key=NAME, repeated for more",
    handle,
};

/// What names of secrets hold. Their values are not shown, unlike in MOSN.
const SECRETS: [&str; 8] =
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE", "APIKEY", "API_KEY"];
const REDACTED: &str = "***REDACTED***";

fn handle(request: &Request, _: &AdminContext) -> Reply {
    let keys: Vec<_> = request.query.all("key").collect();
    if keys.is_empty() {
        return Reply::bad("no env key");
    }
    let (mut found, mut missing) = (Map::new(), Vec::new());
    for key in keys {
        match env::var_os(key) {
            Some(_) if is_secret(key) => drop(found.insert(key.to_owned(), Value::from(REDACTED))),
            Some(value) => drop(found.insert(key.to_owned(), Value::from(value.to_string_lossy()))),
            None => missing.push(key),
        }
    }
    Reply::pretty(&json!({ "env": found, "not_found": missing }), " ")
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    SECRETS.iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for key in
            ["DB_PASSWORD", "github_token", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "TLS_PRIVATE_KEY"]
        {
            assert!(is_secret(key), "{key}");
        }
        for key in ["PATH", "HOME", "KEYBOARD", "MECHA_WORKERS"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}

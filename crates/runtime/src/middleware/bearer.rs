//! `middleware.http.bearer`: requests must carry a JSON Web Token that the issuer signed for the audience. The issuer's
//! keys are fetched when they are first needed, and again when a token names one that is not known (at most every few
//! seconds), through the exchange like every other call.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use mecha_component::Error;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::timeout;

use super::{Making, Middleware, Next, Request, Response, answer};
use crate::body::Body;
use crate::invoke::Invocation;
use crate::runtime::Runtime;

/// Keys are fetched again at most so often.
const PAUSE: Duration = Duration::from_secs(10);
/// Keys this old are fetched again although they are known: an issuer may withdraw one.
const AGE: Duration = Duration::from_secs(600);
/// How long an issuer may take; requests wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest set of keys in bytes.
const MOST: usize = 1 << 20;

struct Bearer {
    issuer: String,
    audience: String,
    /// `None` = asked for at the issuer.
    keys_url: Option<String>,
    /// The runtime holds its pipelines, so these must not hold it.
    runtime: Weak<Runtime>,
    keys: Mutex<Keys>,
    /// Held by who fetches keys, and by those who need them: a token with a key that nobody knows holds up no other.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Keys {
    set: Option<Arc<JwkSet>>,
    fetched: Option<Instant>,
}

pub(super) fn make(making: &Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>> {
    let properties = making.properties;
    let issuer = properties.get("issuer").or_else(|| properties.get("issuerURL"));
    let issuer = issuer.ok_or_else(|| Error::configuration("missing issuer: add it to spec.metadata"))?;
    let audience = properties.get("audience").or_else(|| properties.get("clientID"));
    let audience =
        audience.ok_or_else(|| Error::configuration("missing audience: add it to spec.metadata"))?;
    let keys_url = properties.get("jwksURL").map(str::to_owned);
    let fetched = keys_url.as_deref().unwrap_or(issuer);
    if !fetched.starts_with("http://") {
        return Err(Error::configuration(format!(
            "the keys of `{fetched}` can't be fetched: TLS is not available in this version; set jwksURL to an http:// address"
        )));
    }
    let bearer = Bearer {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        keys_url,
        runtime: Arc::downgrade(making.runtime),
        keys: Mutex::default(),
        turn: tokio::sync::Mutex::default(),
    };
    Ok(Arc::new(bearer))
}

impl Middleware for Bearer {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            match self.check(request.headers()).await {
                Ok(()) => next.run(request).await,
                Err(reason) => {
                    tracing::debug!("a request was refused: {reason}");
                    answer(StatusCode::UNAUTHORIZED, "Unauthorized")
                }
            }
        })
    }
}

impl Bearer {
    async fn check(&self, headers: &HeaderMap) -> Result<(), String> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or("there is no bearer token")?;
        let token = token.trim();
        let header = decode_header(token).map_err(|error| format!("the token's head: {error}"))?;
        let key = self.key(header.kid.as_deref()).await?;
        let decoding = DecodingKey::from_jwk(&key).map_err(|error| format!("the issuer's key: {error}"))?;
        // The algorithm of the key's family, never one that only the token names.
        let mut validation = Validation::new_for_family(decoding.family());
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        decode::<Value>(token, &decoding, &validation).map(drop).map_err(|error| error.to_string())
    }

    /// The key of that id; the only one when the token names none.
    async fn key(&self, id: Option<&str>) -> Result<Jwk, String> {
        if let Some(key) = self.keys.lock().fresh(id) {
            return Ok(key);
        }
        let _turn = self.turn.lock().await;
        // Who had the turn before may have fetched it.
        if let Some(key) = self.keys.lock().fresh(id) {
            return Ok(key);
        }
        let age = self.keys.lock().age();
        if age.is_none_or(|age| age >= PAUSE) {
            let late = |_| Err(format!("no answer within {PATIENCE:?}"));
            let fetched = timeout(PATIENCE, self.fetch()).await.unwrap_or_else(late);
            // Only now: whoever goes away meanwhile leaves it to the next.
            let mut keys = self.keys.lock();
            keys.fetched = Some(Instant::now());
            match fetched {
                Ok(set) => keys.set = Some(Arc::new(set)),
                Err(error) => tracing::warn!("the keys of {} can't be fetched: {error}", self.issuer),
            }
        }
        self.keys.lock().find(id).ok_or_else(|| "the issuer has no such key".to_owned())
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let url = match &self.keys_url {
            Some(url) => url.clone(),
            None => {
                let about = self
                    .get(&format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/')))
                    .await?;
                let about: Value = serde_json::from_slice(&about).map_err(|error| error.to_string())?;
                about
                    .get("jwks_uri")
                    .and_then(Value::as_str)
                    .ok_or("the issuer names no jwks_uri")?
                    .to_owned()
            }
        };
        serde_json::from_slice(&self.get(&url).await?).map_err(|error| format!("{url}: {error}"))
    }

    async fn get(&self, url: &str) -> Result<bytes::Bytes, String> {
        let runtime = self.runtime.upgrade().ok_or("the runtime has ended")?;
        let uri: http::Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let target = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or("http"),
            uri.authority().map_or("", |a| a.as_str())
        );
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = http::Request::get(path).body(Body::empty()).map_err(|error| error.to_string())?;
        let response =
            runtime.invoke(Invocation { target, request }).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{url} answers {}", response.status()));
        }
        response.into_body().read(MOST).await.map_err(|error| format!("{url}: {error}"))
    }
}

impl Keys {
    /// The time since they were fetched, or since that failed.
    fn age(&self) -> Option<Duration> {
        self.fetched.map(|at| at.elapsed())
    }

    /// The key of that id, unless it is time to fetch it again.
    fn fresh(&self, id: Option<&str>) -> Option<Jwk> {
        self.find(id).filter(|_| self.age().is_some_and(|age| age < AGE))
    }

    fn find(&self, id: Option<&str>) -> Option<Jwk> {
        let set = self.set.as_deref()?;
        match id {
            Some(id) => set.find(id).cloned(),
            None => set.keys.first().filter(|_| set.keys.len() == 1).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_has_a_known_key_does_not_wait_for_those_that_have_none() {
        let set = r#"{"keys": [{"kty": "oct", "kid": "known", "k": "c2VjcmV0"}]}"#;
        let set = Some(Arc::new(serde_json::from_str(set).unwrap()));
        let bearer = Bearer {
            issuer: String::new(),
            audience: String::new(),
            keys_url: None,
            runtime: Weak::new(),
            keys: Mutex::new(Keys { set, fetched: Some(Instant::now()) }),
            turn: tokio::sync::Mutex::default(),
        };
        let _fetching = bearer.turn.lock().await;
        assert!(bearer.key(Some("known")).now_or_never().unwrap().is_ok());
        assert!(bearer.key(Some("unknown")).now_or_never().is_none());
    }
}

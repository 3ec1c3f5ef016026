//! `middleware.http.ratelimit`: so many requests a second from one client address; those beyond are refused (429).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use http::StatusCode;
use mecha_component::Error;
use parking_lot::Mutex;

use super::{Making, Middleware, Next, Request, Response, answer};

/// Most clients that are told apart; when there are more, those that have used nothing lately are forgotten.
const MOST_CLIENTS: usize = 10_000;

/// A bucket of tokens for each client: refilled by `rate` a second, at most one second's worth (at least one).
struct RateLimit {
    rate: f64,
    clients: Mutex<HashMap<Option<IpAddr>, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

pub(super) fn make(making: &Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>> {
    let rate: f64 = making.properties.parse("maxRequestsPerSecond")?.unwrap_or_default();
    if !(rate.is_finite() && rate > 0.0) {
        return Err(Error::configuration("maxRequestsPerSecond: must be a number above 0"));
    }
    Ok(Arc::new(RateLimit { rate, clients: Mutex::default() }))
}

impl Middleware for RateLimit {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        if self.takes(client(&request), Instant::now()) {
            return next.run(request);
        }
        Box::pin(async { answer(StatusCode::TOO_MANY_REQUESTS, "You have reached maximum request limit.") })
    }
}

impl RateLimit {
    fn takes(&self, client: Option<IpAddr>, now: Instant) -> bool {
        let most = self.rate.max(1.0);
        let refilled = |bucket: &Bucket| {
            (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * self.rate).min(most)
        };
        let mut clients = self.clients.lock();
        if clients.len() >= MOST_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, bucket| refilled(bucket) < most);
            if clients.len() >= MOST_CLIENTS {
                return false;
            }
        }
        let bucket = clients.entry(client).or_insert(Bucket { tokens: most, at: now });
        (bucket.tokens, bucket.at) = (refilled(bucket), now);
        let takes = bucket.tokens >= 1.0;
        if takes {
            bucket.tokens -= 1.0;
        }
        takes
    }
}

/// The peer's address, which the server leaves with the request. Calls to the application have none: they are limited
/// together.
fn client(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<SocketAddr>().map(SocketAddr::ip)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_client_has_its_rate() {
        let limit = RateLimit { rate: 2.0, clients: Mutex::default() };
        let (now, one, two) = (Instant::now(), Some([127, 0, 0, 1].into()), Some([127, 0, 0, 2].into()));
        assert_eq!(
            [limit.takes(one, now), limit.takes(one, now), limit.takes(one, now)],
            [true, true, false]
        );
        assert!(limit.takes(two, now));
        assert!(limit.takes(one, now + Duration::from_millis(500)));
        assert!(!limit.takes(one, now + Duration::from_millis(500)));
    }
}

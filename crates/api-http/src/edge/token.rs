//! The API token (`DAPR_API_TOKEN`): every caller must send it, but those who ask for the health.

use http::request::Parts;
use http::{Method, StatusCode};

use crate::reply::{self, Reply};

const HEADER: &str = "dapr-api-token";
const EXEMPT: [&str; 2] = ["v1.0/healthz", "v1.0/healthz/outbound"];

/// Takes the token off a call; the answer when it was not the right one.
pub(crate) fn refusal(token: &str, head: &mut Parts) -> Option<Reply> {
    let sent = head.headers.remove(HEADER);
    let is_right = sent.is_some_and(|sent| is_equal(sent.as_bytes(), token.as_bytes()));
    let is_exempt = || head.method == Method::GET && EXEMPT.contains(&head.uri.path().trim_matches('/'));
    (!is_right && !is_exempt()).then(|| reply::plain(StatusCode::UNAUTHORIZED, "invalid api token"))
}

/// Takes as long whatever differs, so that nobody can feel their way to the token.
fn is_equal(sent: &[u8], token: &[u8]) -> bool {
    let differs = sent.iter().zip(token).fold(0, |differs, (a, b)| differs | (a ^ b));
    sent.len() == token.len() && std::hint::black_box(differs) == 0
}

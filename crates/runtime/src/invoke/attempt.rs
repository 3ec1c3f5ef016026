//! The tries of an invocation, under the policy of its target.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderValue, Request, Response, Version, header};
use mecha_base::Kind;
use mecha_codec::dapr::Verb;
use mecha_http::dapr::{TYPE_URL, answer};
use mecha_resilience::GrpcStatus;

use super::endpoint::Service;
use super::replay::Replay;
use crate::body::Body;
use crate::channel::{GrpcAnswer, TypeUrl};
use crate::doors::{CLUSTER_HEADER, INVOKE};
use crate::error::{ApiError, GrpcCode};
use crate::metrics;
use crate::names::{AppName, Known};
use crate::network::Unanswered;
use crate::policy::{Failure, Refused};
use crate::runtime::Runtime;

/// How often a call is made again because its worker had not heard of the cluster yet.
pub(super) const NEWS: u32 = 20;
/// How long the news may take each time.
pub(super) const NEWS_PAUSE: Duration = Duration::from_millis(5);

/// Where a call goes.
pub(super) enum Way {
    /// To the runtime's own application.
    Own,
    /// To another one's runtime.
    App(AppName),
    /// To a foreign service.
    Service(Arc<Service>),
}

/// An invocation that is ready to be made.
pub(super) struct Call<'c> {
    pub(super) runtime: &'c Runtime,
    /// As the caller wrote it.
    pub(super) target: &'c str,
    pub(super) way: &'c Way,
    pub(super) head: &'c Parts,
    pub(super) body: &'c Replay,
}

/// How a try missed.
pub(super) enum Miss {
    /// The callee's runtime said so, or could not be heard.
    Rpc {
        code: i32,
        message: String,
        /// Whether another try may be made.
        again: bool,
        /// The number of this try, from 0.
        attempt: u32,
    },
    /// The callee answered with a status that is no success.
    Status { response: Response<Body>, again: bool },
    /// The own application was not reached; in words, and whether another try may be made.
    Own { error: ApiError, again: bool },
    /// Nobody knows where the callee is.
    Unknown(String),
    /// Nothing that another try would change.
    Final(ApiError),
}

impl Failure for Miss {
    fn is_retriable(&self) -> bool {
        match self {
            Miss::Rpc { again, .. } | Miss::Status { again, .. } | Miss::Own { again, .. } => *again,
            Miss::Unknown(_) => true,
            Miss::Final(_) => false,
        }
    }

    fn is_unreachable(&self) -> bool {
        let unreachable = [GrpcCode::Unavailable as i32, GrpcCode::Unauthenticated as i32];
        matches!(self, Miss::Rpc { code, again: true, .. } if unreachable.contains(code))
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Miss::Status { response, .. } => Some(response.status().as_u16()),
            _ => None,
        }
    }

    fn grpc_code(&self) -> Option<u16> {
        match self {
            Miss::Rpc { code, .. } => u16::try_from(*code).ok(),
            Miss::Own { error, .. } => u16::try_from(error.grpc() as i32).ok(),
            _ => None,
        }
    }
}

impl Call<'_> {
    pub(super) async fn run(&self) -> Result<Response<Body>, ApiError> {
        if matches!(self.way, Way::App(_)) && Verb::of(self.head.method.as_str()).is_none() {
            let what = format!("the method {} in calls of other applications", self.head.method);
            return Err(ApiError::unimplemented(&what));
        }
        let policy = self.runtime.policies().app(self.target);
        // Only a policy that somebody wrote takes bad statuses for failures.
        let judges = policy.is_users();
        let result = if self.body.lasts() {
            policy.run(|attempt| self.attempt(attempt, judges)).await
        } else {
            // A try that took too long may have sent some of it: another one would send the rest, or nothing.
            policy.run_once(self.attempt(0, judges)).await
        };
        let failed = |reason: &str| ApiError::invoke_failed(self.target, reason);
        let mut response = match result {
            Ok(response) => response,
            Err(Refused::Failed(Miss::Status { response, .. })) => response,
            Err(Refused::Failed(Miss::Unknown(reason))) => return Err(failed(&reason)),
            Err(Refused::Failed(Miss::Final(error) | Miss::Own { error, .. })) => return Err(error),
            Err(Refused::Failed(miss @ Miss::Rpc { .. })) => return Err(self.told(&miss, judges)),
            Err(Refused::Timeout(_)) => return Err(failed("context deadline exceeded")),
            Err(Refused::Open(why)) => return Err(failed(why)),
        };
        response.headers_mut().remove(header::CONTENT_LENGTH);
        Ok(response.map(Body::without_length))
    }

    /// An error in the words of the reference.
    fn told(&self, miss: &Miss, judges: bool) -> ApiError {
        let Miss::Rpc { code, message, attempt, .. } = miss else { return ApiError::internal("") };
        let said = format!("rpc error: code = {} desc = {message}", GrpcCode::of(*code).name());
        if *code == GrpcCode::PermissionDenied as i32 {
            return ApiError::invoke_denied(self.target, &said);
        }
        if miss.is_unreachable() && !judges {
            let said =
                format!("failed to invoke target {} after {attempt} retries. Error: {said}", self.target);
            return ApiError::invoke_failed(self.target, &said);
        }
        ApiError::invoke_failed(self.target, &said)
    }

    async fn attempt(&self, attempt: u32, judges: bool) -> Result<Response<Body>, Miss> {
        let response = match self.way {
            Way::Own => {
                let answered = self.runtime.call_application(self.request(None)).await;
                answered.map_err(|error| self.own_missed(&error))?
            }
            Way::App(app) => {
                let known = self.runtime.names().find(app).await.map_err(Miss::Unknown)?;
                let sent = self.send(&known, Some(app), attempt).await;
                if sent.as_ref().is_err_and(Failure::is_unreachable) {
                    self.runtime.names().doubt(app);
                }
                sent?
            }
            Way::Service(service) => self.send(service.known(), None, attempt).await?,
        };
        let status = response.status().as_u16();
        let bad = !(200..400).contains(&status) && response.extensions().get::<GrpcAnswer>().is_none();
        if judges && bad {
            return Err(Miss::Status { response, again: self.body.lasts() });
        }
        Ok(response)
    }

    /// What a failed call of the own application means: as with others', a user's policy may try it again, the built-in
    /// one does not. Without an application nothing changes by that.
    fn own_missed(&self, error: &ApiError) -> Miss {
        let said = ApiError::invoke_failed(self.target, error.message());
        match self.runtime.channel() {
            Some(_) => Miss::Own { error: said, again: self.body.lasts() },
            None => Miss::Final(said),
        }
    }

    /// The request of one try; its body goes with it.
    fn request(&self, known: Option<&Known>) -> Request<Body> {
        let mut request = Request::new(self.body.take());
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        *request.extensions_mut() = self.head.extensions.clone();
        // How the callee is spoken to is its cluster's affair.
        *request.version_mut() = Version::HTTP_11;
        if let Some(known) = known {
            request.headers_mut().insert(CLUSTER_HEADER, known.header.clone());
        }
        request
    }

    /// Sends it to a cluster that is known by now.
    async fn send(&self, known: &Known, app: Option<&AppName>, attempt: u32) -> Result<Response<Body>, Miss> {
        let metrics = self.runtime.metrics();
        let destination = app.map_or_else(|| metrics::callee(self.target), |app| app.id.as_str());
        let (start, mut news) = (Instant::now(), 0);
        metrics.invoke_sent(destination);
        loop {
            self.runtime.names().tell(known);
            let mut request = self.request(Some(known));
            if let Some(app) = app {
                address(&mut request, app);
            }
            let rpc = |kind, message: String| Miss::Rpc {
                code: GrpcStatus::from_kind(kind).0.into(),
                message,
                again: self.body.lasts(),
                attempt,
            };
            let answered = self.runtime.network().call(INVOKE, request).await;
            let mut response = answered.map_err(|error| rpc(error.kind(), error.to_string()))?;
            if let Some(Unanswered { kind, message }) = response.extensions_mut().remove() {
                if kind == Kind::NoCluster && self.body.lasts() && news < NEWS {
                    news += 1;
                    tokio::time::sleep(NEWS_PAUSE).await;
                    continue;
                }
                return Err(rpc(kind, message));
            }
            metrics.invoke_answered(destination, response.status().as_u16(), start.elapsed());
            if app.is_none() {
                // Only what another runtime's answer was made into here tells of it by such fields.
                answer::forget(response.headers_mut());
                return Ok(response);
            }
            return match answer::take_failure(response.headers_mut()) {
                Some((code, message)) => Err(Miss::Rpc { code, message, again: self.body.lasts(), attempt }),
                None => Ok(with_answer(response)),
            };
        }
    }
}

/// Tells the exchange what only calls to applications have.
fn address(request: &mut Request<Body>, app: &AppName) {
    let url = request.extensions().get().and_then(|TypeUrl(url)| HeaderValue::try_from(url).ok());
    let fields = request.headers_mut();
    if let Some(url) = url {
        fields.insert(TYPE_URL, url);
    }
    if let Ok(authority) = HeaderValue::try_from(app.to_string()) {
        fields.insert(header::HOST, authority);
    }
}

/// What a gRPC application answered is told beside the response.
fn with_answer(mut response: Response<Body>) -> Response<Body> {
    if let Some(told) = answer::take_app_status(response.headers_mut()) {
        let answer::AppStatus { code, message, details, trailers } = told;
        response.extensions_mut().insert(GrpcAnswer { code, message, details, trailers });
    }
    if let Some(url) = answer::take_type_url(response.headers_mut()) {
        response.extensions_mut().insert(TypeUrl(url));
    }
    response
}

#[cfg(test)]
mod tests;

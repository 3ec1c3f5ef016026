//! The demo service: a small HTTP server on `hyper`, HTTP/1 and HTTP/2 with prior knowledge on one port. It names
//! itself and the protocol it was asked in, and sends gRPC messages back. As an application beside a runtime it takes
//! messages and says which came. Runs as `mecha quickstart-service`.

mod inbox;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::inbox::Inbox;
use super::resources::ROUTE;
use crate::failure::Failure;
use crate::lifeline;

/// What the two services are called.
pub(super) const NAMES: [&str; 2] = ["service-a", "service-b"];
/// The media type of gRPC; its subtypes (`application/grpc+proto`) begin the same.
pub(super) const GRPC: &str = "application/grpc";
/// The trailer that says how a gRPC call went; 0 is well.
pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Below this path an application says whether a message of some id has come, and gives its data.
pub(super) const INBOX: &str = "/inbox/";
/// What Dapr asks applications for; this one has nothing to say, its subscription is a resource.
const OF_DAPR: &str = "/dapr/";

const MOST_CONNECTIONS: usize = 512;
/// Largest request body in bytes.
const MOST_BYTES: usize = 64 << 10;
/// Before the next try when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// `mecha quickstart-service`.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The port on 127.0.0.1
    #[arg(long)]
    port: u16,
    /// What it calls itself
    #[arg(long)]
    name: String,
}

type Body = Either<Full<Bytes>, WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>>;

/// Serves until standard input ends. Fails when the port is taken.
pub(crate) fn run(args: &ServiceArgs) -> Result<ExitCode, Failure> {
    lifeline::watch(|| std::process::exit(0))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
            .await
            .map_err(|error| Failure::new(format!("can't listen on 127.0.0.1:{}: {error}", args.port)))?;
        writeln!(io::stdout(), "{} listens on {}", args.name, listener.local_addr()?)?;
        serve(listener, args.name.as_str().into()).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// What answers.
struct Service {
    name: Arc<str>,
    inbox: Inbox,
}

/// Answers whoever connects, for ever.
pub(super) async fn serve(listener: TcpListener, name: Arc<str>) {
    let service = Arc::new(Service { name, inbox: Inbox::default() });
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            connection(stream, service).await;
            drop(place);
        });
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, service: Arc<Service>) {
    // Without it a small answer may wait for the acknowledgement of the one before; it can't fail on an open socket.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).half_close(true);
    builder.http2().timer(TokioTimer::new());
    // A client that breaks off is no news to anybody.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let line = greeting(&self.name, &request);
        let (head, body) = request.into_parts();
        let grpc = head
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(GRPC.as_bytes()));
        let body = match Limited::new(body, MOST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return say(StatusCode::BAD_REQUEST, format!("can't read the request: {error}\n")),
        };
        let path = head.uri.path();
        if grpc {
            echo(body)
        } else if path == ROUTE && head.method == Method::POST {
            match self.inbox.put(&body) {
                Some(()) => say(StatusCode::OK, String::new()),
                None => say(StatusCode::BAD_REQUEST, "this is no event with an id and a text\n".to_owned()),
            }
        } else if let Some(id) = path.strip_prefix(INBOX) {
            match self.inbox.take(id).await {
                Some(data) => say(StatusCode::OK, data),
                None => say(StatusCode::NOT_FOUND, format!("no message {id} came\n")),
            }
        } else if path.starts_with(OF_DAPR) {
            say(StatusCode::NOT_FOUND, String::new())
        } else {
            say(StatusCode::OK, line)
        }
    }
}

fn say(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(text.into()));
    *response.status_mut() = status;
    response
}

/// What a service says to a request; the quickstart's client reads it again.
fn greeting<B>(name: &str, request: &Request<B>) -> String {
    format!("{name} answered {} {} over {:?}\n", request.method(), request.uri().path(), request.version())
}

/// The message frames as they came, and the trailers of a call that went well.
fn echo(frames: Bytes) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(frames).with_trailers(ready(Some(Ok(trailers))));
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response
}

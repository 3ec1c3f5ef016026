//! Middleware of the HTTP API and of calls to the application (reference 1.9): each sees a request on its way in and
//! the response on its way out, outermost first, as the Configuration resource names them.

mod bearer;
mod rate_limit;
mod router_alias;
mod router_checker;
mod uppercase;

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use mecha_component::Properties;
use mecha_config::runtime::settings::Handler;

use crate::body::Body;
use crate::loader::LoadError;
use crate::runtime::Runtime;

/// A request on its way through a pipeline.
pub type Request = http::Request<Body>;
/// A response on its way back.
pub type Response = http::Response<Body>;

/// One step of a pipeline.
pub trait Middleware: Send + Sync + 'static {
    /// Handles a request: passes it on by [`Next::run`], changed or not, or answers itself.
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response>;
}

/// What follows a step.
pub struct Next<'a> {
    rest: &'a [Arc<dyn Middleware>],
    end: Box<dyn FnOnce(Request) -> BoxFuture<'a, Response> + Send + 'a>,
}

impl<'a> Next<'a> {
    /// Hands the request on.
    pub fn run(self, request: Request) -> BoxFuture<'a, Response> {
        match self.rest.split_first() {
            Some((first, rest)) => first.handle(request, Next { rest, end: self.end }),
            None => (self.end)(request),
        }
    }
}

/// Steps in their order, outermost first.
#[derive(Default)]
pub struct Pipeline(Vec<Arc<dyn Middleware>>);

impl Pipeline {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs a request through all steps and then `end`.
    pub fn run<'a>(
        &'a self,
        request: Request,
        end: impl FnOnce(Request) -> BoxFuture<'a, Response> + Send + 'a,
    ) -> BoxFuture<'a, Response> {
        Next { rest: &self.0, end: Box::new(end) }.run(request)
    }
}

/// Both pipelines of a runtime.
#[derive(Default)]
pub struct Pipelines {
    http: ArcSwap<Pipeline>,
    app: ArcSwap<Pipeline>,
}

/// What is told to a middleware when it is made.
pub(crate) struct Making<'a> {
    properties: &'a Properties,
    runtime: &'a Arc<Runtime>,
}

type Make = fn(&Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>>;

/// Every middleware by its type. A new one is a file and a line here.
const KINDS: &[(&str, Make)] = &[
    ("middleware.http.bearer", bearer::make),
    ("middleware.http.ratelimit", rate_limit::make),
    ("middleware.http.routeralias", router_alias::make),
    ("middleware.http.routerchecker", router_checker::make),
    ("middleware.http.uppercase", uppercase::make),
];

/// The types that there are.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind)
}

impl Runtime {
    /// What requests of the HTTP API pass.
    pub fn http_pipeline(&self) -> Arc<Pipeline> {
        self.pipelines().http.load_full()
    }

    /// What calls to the application pass.
    pub fn app_pipeline(&self) -> Arc<Pipeline> {
        self.pipelines().app.load_full()
    }

    /// Builds both from the components that are loaded; requests under way finish on the old ones.
    ///
    /// # Errors
    /// When the configuration names a component that is not there or can't be made. Nothing is changed then: a pipeline
    /// without one of its steps could let in what it shall keep out.
    pub fn build_pipelines(self: &Arc<Self>) -> Result<(), LoadError> {
        let settings = &self.config().settings;
        let http = self.pipeline(&settings.http_pipeline)?;
        let app = self.pipeline(&settings.app_pipeline)?;
        self.pipelines().http.store(Arc::new(http));
        self.pipelines().app.store(Arc::new(app));
        Ok(())
    }

    fn pipeline(self: &Arc<Self>, handlers: &[Handler]) -> Result<Pipeline, LoadError> {
        let components = self.components().now();
        let step = |handler: &Handler| {
            let found =
                components.middleware.get(&handler.name).filter(|(known, _)| known.kind == handler.kind);
            let Some((component, properties)) = found else {
                return Err(LoadError::new(format!(
                    "couldn't find middleware component defined in configuration with name {} and type {}",
                    handler.name, handler.kind
                )));
            };
            let make = KINDS.iter().find(|(kind, _)| *kind == component.kind).map(|(_, make)| make);
            let Some(make) = make else {
                return Err(LoadError::new(format!("{} is not available in this version", component.kind)));
            };
            make(&Making { properties, runtime: self })
                .map_err(|error| LoadError::new(format!("{}: {error}", component.log_name())))
        };
        handlers.iter().map(step).collect::<Result<_, _>>().map(Pipeline)
    }
}

/// A plain answer of a middleware.
fn answer(status: http::StatusCode, text: impl Into<String>) -> Response {
    let mut response = http::Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;

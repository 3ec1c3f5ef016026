//! The runtime's APIs as servers: each on every worker, with a socket of its own; metrics on the control thread.

use std::sync::Arc;

use mecha_api_http::serve::{Serve, ServeOptions, serve};
use mecha_base::drain::Watch;
use mecha_net::{Listener as Socket, listener as net};
use mecha_runtime::Runtime;
use mecha_runtime::channel::HttpChannel;
use mecha_runtime::network::Entrance;
use tokio::runtime::Handle;

use super::Sockets;
use crate::error::AppError;

/// Says how the application is called, when it has a server.
pub(super) fn set_channel(runtime: &Arc<Runtime>) {
    let app = &runtime.config().app;
    if app.port.is_none() {
        return;
    }
    if app.protocol.is_grpc() {
        runtime.set_channel(Arc::new(mecha_api_grpc::GrpcChannel::new(runtime)));
    } else {
        runtime.set_channel(Arc::new(HttpChannel::new(runtime)));
    }
}

/// Opens them all. `drain` ends the APIs, `last` what is open to the very end.
pub(super) fn open(
    runtime: &Arc<Runtime>,
    sockets: Sockets,
    entrances: &[Entrance],
    drain: &Watch,
    last: &Watch,
) -> Result<(), AppError> {
    let apis = &runtime.config().apis;
    let options = |name, h2c| ServeOptions { name, max_head: apis.max_head, h2c, ..ServeOptions::default() };
    let on_workers = OnWorkers { entrances, drain };
    let http = mecha_api_http::router(runtime.clone());
    let tells_peer = !runtime.config().settings.http_pipeline.is_empty();
    on_workers.open(sockets.http, &http, &ServeOptions { tells_peer, ..options("HTTP API", apis.h2c) })?;
    let grpc = mecha_api_grpc::router(runtime.clone());
    on_workers.open(sockets.grpc, &grpc, &options("gRPC API", true))?;
    let internal = mecha_api_grpc::internal_router(runtime.clone());
    on_workers.open(sockets.internal, &internal, &options("internal gRPC", true))?;
    let public = mecha_api_http::public_router(runtime.clone());
    on_workers.open(sockets.public, &public, &options("public API", true))?;
    for socket in sockets.metrics {
        let page = mecha_api_http::metrics_router(runtime.clone());
        spawn(&Handle::current(), page, socket, options("metrics", true), last.clone());
    }
    Ok(())
}

/// Where most APIs are served.
struct OnWorkers<'a> {
    entrances: &'a [Entrance],
    drain: &'a Watch,
}

impl OnWorkers<'_> {
    /// Serves each socket on every worker.
    fn open<S: Serve>(
        &self,
        sockets: Vec<net::Bound>,
        service: &S,
        options: &ServeOptions,
    ) -> Result<(), AppError> {
        for socket in sockets {
            let failed = |source| AppError::Api {
                api: options.name.to_owned(),
                address: "its sockets".to_owned(),
                source,
            };
            let shares = socket.split(self.entrances.len()).map_err(failed)?;
            for (entrance, share) in self.entrances.iter().zip(shares) {
                spawn(&entrance.tasks, service.clone(), share, options.clone(), self.drain.clone());
            }
        }
        Ok(())
    }
}

fn spawn<S: Serve>(tasks: &Handle, service: S, socket: net::Bound, options: ServeOptions, drain: Watch) {
    tasks.spawn(async move {
        match Socket::start(socket) {
            Ok(socket) => serve(service, socket, options, drain).await,
            Err(error) => tracing::error!("{}: cannot listen: {error}", options.name),
        }
    });
}

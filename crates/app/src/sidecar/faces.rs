//! The runtime's APIs as servers: each on every worker, with a socket of its own; metrics on the control thread.

use std::sync::Arc;

use axum::Router;
use mecha_api_http::serve::{ServeOptions, serve};
use mecha_base::drain::Watch;
use mecha_net::{Listener as Socket, listener as net};
use mecha_runtime::channel::http::HttpChannel;
use mecha_runtime::Runtime;
use mecha_runtime::network::Entrance;

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
    let options = ServeOptions { max_head: apis.max_head, h2c: apis.h2c, ..ServeOptions::default() };
    let any = ServeOptions { h2c: true, ..options.clone() };
    let faces: [(&str, Vec<net::Bound>, Router, &ServeOptions); 4] = [
        ("HTTP API", sockets.http, mecha_api_http::router(runtime.clone()), &options),
        ("gRPC API", sockets.grpc, mecha_api_grpc::router(runtime.clone()), &any),
        ("internal gRPC", sockets.internal, mecha_api_grpc::internal_router(runtime.clone()), &any),
        ("public API", sockets.public, mecha_api_http::public_router(runtime.clone()), &options),
    ];
    for (api, bound, router, options) in faces {
        for socket in bound {
            let shares = split(api, socket, entrances.len())?;
            for (entrance, share) in entrances.iter().zip(shares) {
                spawn(&entrance.tasks, api, share, router.clone(), options.clone(), drain.clone());
            }
        }
    }
    for socket in sockets.metrics {
        let router = mecha_api_http::metrics_router(runtime.clone());
        spawn(&tokio::runtime::Handle::current(), "metrics", socket, router, options.clone(), last.clone());
    }
    Ok(())
}

fn split(api: &str, socket: net::Bound, workers: usize) -> Result<Vec<net::Bound>, AppError> {
    let failed = |source| AppError::Api { api: api.to_owned(), address: "its sockets".to_owned(), source };
    socket.split(workers).map_err(failed)
}

fn spawn(
    tasks: &tokio::runtime::Handle,
    api: &str,
    socket: net::Bound,
    router: Router,
    options: ServeOptions,
    drain: Watch,
) {
    let api = api.to_owned();
    tasks.spawn(async move {
        match Socket::start(socket) {
            Ok(socket) => serve(router, socket, options, drain).await,
            Err(error) => tracing::error!("{api}: cannot listen: {error}"),
        }
    });
}

//! One accepted connection: through the network filters of its listener, which detect what it speaks and
//! serve it.

mod detect;
mod http1;
mod http2;
mod tcp;

use std::sync::Arc;

use bytes::BytesMut;
use mecha_config::proxy::{Protocol, Protocols};
use mecha_metrics::DownstreamStat;
use mecha_net::Stream;

use crate::client::Client;
use crate::listener::{Door, Filter, HttpFilter};
use crate::worker::Slot;
use detect::{Found, detect};

/// Serves a connection to its end.
pub(crate) async fn serve(door: &Arc<Door>, client: Client, mut stream: Stream) {
    let mut slot = Slot::new(&door.worker);
    let mut prefix = BytesMut::new();
    for filter in &door.listener.filters {
        match filter {
            Filter::Tcp(proxy) => return tcp::serve(door, &client, proxy, stream, prefix, &mut slot).await,
            Filter::Http(http) => {
                let found = match &http.proxy.downstream {
                    Protocols::One(protocol) => Found::Protocol(*protocol),
                    Protocols::Detect(_) => {
                        detect(&mut stream, &mut prefix, &http.allowed, &mut slot, door).await
                    }
                };
                match found {
                    Found::Protocol(protocol) => {
                        return serve_http(door, client, http, protocol, stream, prefix, slot).await;
                    }
                    Found::Nothing if http.proxy.fallback => {}
                    Found::Nothing => return door.inc(DownstreamStat::ProtocolError),
                    Found::Gone => return,
                }
            }
        }
    }
    door.inc(DownstreamStat::ProtocolError);
}

async fn serve_http(
    door: &Arc<Door>,
    client: Client,
    http: &Arc<HttpFilter>,
    protocol: Protocol,
    stream: Stream,
    prefix: BytesMut,
    slot: Slot,
) {
    match protocol {
        Protocol::Http1 => http1::serve(door, &client, http, stream, prefix, slot).await,
        Protocol::Http2 => Box::pin(http2::serve(door, client, http, stream, prefix, slot)).await,
    }
}

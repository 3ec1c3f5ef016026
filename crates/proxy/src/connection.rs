//! One accepted connection: through the network filters of its listener, which detect what it speaks and
//! serve it.

mod detect;
mod http1;
mod http2;
mod rpc;
mod tcp;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mecha_codec::detect::Protocol as Detected;
use mecha_config::proxy::{Protocol, Protocols};
use mecha_metrics::DownstreamStat;
use mecha_net::Stream;

use crate::client::Client;
use crate::listener::{Door, Filter, HttpFilter};
use crate::worker::Slot;
use detect::{Found, detect};

/// How long a draining connection is kept for a request that is on its way already.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub(crate) async fn serve(door: &Arc<Door>, client: Client, mut stream: Stream, mut slot: Slot) {
    let mut prefix = BytesMut::new();
    for filter in &door.listener.filters {
        let http = match filter {
            Filter::Tcp(proxy) => {
                return Box::pin(tcp::serve(door, &client, proxy, stream, prefix, &mut slot)).await;
            }
            Filter::Http(http) => http,
        };
        let found = match &http.proxy.downstream {
            // Its own codec tells a client what is wrong with its bytes.
            Protocols::One(Protocol::Http1) => Found::Protocol(Detected::Http1),
            // Whatever opens without the preface is read here and closed in order (RFC 9113 section 3.4); bytes that
            // `h2` leaves unread would make the close a reset.
            Protocols::One(_) | Protocols::Detect(_) => {
                Box::pin(detect(&mut stream, &mut prefix, &http.allowed, &mut slot, door)).await
            }
        };
        match found {
            Found::Protocol(protocol) => {
                return serve_http(door, client, http, protocol, stream, prefix, slot).await;
            }
            Found::Nothing if http.proxy.fallback => {}
            Found::Nothing => break,
            Found::Gone => return,
        }
    }
    door.inc(DownstreamStat::ProtocolError);
}

/// The future of one protocol, boxed: a connection is as large as what it speaks, not as the largest of all.
fn serve_http<'a>(
    door: &'a Arc<Door>,
    client: Client,
    http: &'a Arc<HttpFilter>,
    protocol: Detected,
    stream: Stream,
    prefix: BytesMut,
    slot: Slot,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    match protocol {
        Detected::Http1 => Box::pin(http1::serve(door, client, http, stream, prefix, slot)),
        Detected::Http2 => Box::pin(http2::serve(door, client, http, stream, prefix, slot)),
        Detected::Rpc(protocol) => Box::pin(rpc::serve(door, client, http, protocol, stream, prefix, slot)),
    }
}

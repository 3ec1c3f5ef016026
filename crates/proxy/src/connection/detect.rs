//! What a connection speaks, by its first bytes. The bytes stay in the buffer for whoever serves them.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::timer::LazyTimer;
use mecha_codec::detect::{self as codec, Detected};
use mecha_metrics::DownstreamStat;
use mecha_net::{Stream, buffer};
use tokio::time::Instant;

use super::DRAIN_GRACE;
use crate::listener::Door;
use crate::worker::Slot;

/// A client that has not shown by then what it speaks is taken to speak something unknown (MOSN's read
/// timeout; reference 1.5).
const LIMIT: Duration = Duration::from_secs(15);

/// What detection came to.
pub(super) enum Found {
    Protocol(codec::Protocol),
    /// Nothing that is allowed here.
    Nothing,
    /// The client closed without a byte, or the connection broke.
    Gone,
}

/// Reads into `prefix` until it shows one of the `allowed` protocols, or none.
pub(super) async fn detect(
    stream: &mut Stream,
    prefix: &mut BytesMut,
    allowed: &[codec::Protocol],
    slot: &mut Slot,
    door: &Arc<Door>,
) -> Found {
    let mut timer = LazyTimer::new();
    timer.set(Some(Instant::now() + LIMIT));
    let mut drain_begun = false;
    poll_fn(|cx| {
        slot.register(cx);
        if let Poll::Ready(found) = poll_look(cx, stream, prefix, allowed) {
            return Poll::Ready(found);
        }
        let unheard = prefix.is_empty() && door.is_draining();
        if unheard && !drain_begun {
            drain_begun = true;
            timer.set(Some(Instant::now() + DRAIN_GRACE));
        }
        ready!(timer.poll_expired(cx));
        if unheard {
            door.inc(DownstreamStat::DrainClose);
            return Poll::Ready(Found::Gone);
        }
        door.inc(DownstreamStat::RequestTimeout);
        Poll::Ready(Found::Nothing)
    })
    .await
}

fn poll_look(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    prefix: &mut BytesMut,
    allowed: &[codec::Protocol],
) -> Poll<Found> {
    loop {
        if !prefix.is_empty() {
            match codec::detect(prefix, allowed) {
                Detected::Protocol(protocol) => return Poll::Ready(Found::Protocol(protocol)),
                Detected::Unknown => return Poll::Ready(Found::Nothing),
                Detected::More => {}
            }
        }
        match ready!(poll_fill(cx, stream, prefix)) {
            Ok(0) if prefix.is_empty() => return Poll::Ready(Found::Gone),
            Ok(0) => return Poll::Ready(Found::Nothing),
            Ok(_) => {}
            Err(_) => return Poll::Ready(Found::Gone),
        }
    }
}

fn poll_fill(cx: &mut Context<'_>, stream: &mut Stream, prefix: &mut BytesMut) -> Poll<io::Result<usize>> {
    ready!(stream.poll_readable(cx))?;
    if prefix.capacity() == 0 {
        *prefix = buffer::take();
    }
    prefix.reserve(1);
    stream.poll_read_buf(cx, prefix)
}

//! The accept loop of one listener on one worker.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mecha_base::drain::Watch;
use mecha_metrics::DownstreamStat;
use mecha_net::{Address, Listener as Socket, Stream};

use super::Door;
use crate::client::Client;
use crate::connection;
use crate::worker::Slot;

/// The pause after the process ran out of file descriptors or memory, so that the loop does not spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How long handshakes that have begun may take to complete before a draining listener closes.
const SETTLE: Duration = Duration::from_millis(50);

/// Accepts until draining; what has already queued up then is still served.
pub(crate) async fn accept(door: Arc<Door>, socket: Socket, mut drain: Watch) {
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = poll_fn(|cx| socket.poll_accept(cx)) => accepted,
            _ = drain.draining() => break,
        };
        match accepted {
            Ok((stream, remote)) => start(&door, stream, remote, drain.clone()),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(listener = door.listener.name(), %error, "cannot accept connections; retrying");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
    socket.refuse_new();
    let mut settled = pin!(tokio::time::sleep(SETTLE));
    loop {
        tokio::select! {
            biased;
            accepted = poll_fn(|cx| socket.poll_accept(cx)) => match accepted {
                Ok((stream, remote)) => start(&door, stream, remote, drain.clone()),
                Err(_) => break,
            },
            () = &mut settled => break,
        }
    }
    for (stream, remote) in socket.close() {
        start(&door, stream, remote, drain.clone());
    }
}

/// Errors of a connection that died before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// `drain` is held for as long as the connection lives, so that the drain waits for it.
fn start(door: &Arc<Door>, stream: Stream, remote: Address, drain: Watch) {
    let client = Client { id: door.worker.next_id(), local: stream.local_address(), remote };
    let counted = Counted::new(door.clone());
    // Taken here, not by the task: a drain that begins before the task first runs must wait for it as well.
    let slot = Slot::new(&door.worker);
    tokio::spawn(async move {
        connection::serve(&counted.0, client, stream, slot).await;
        drop((counted, drain));
    });
}

/// Counts a connection while it is open.
struct Counted(Arc<Door>);

impl Counted {
    fn new(door: Arc<Door>) -> Self {
        door.inc(DownstreamStat::ConnectionTotal);
        door.inc(DownstreamStat::ConnectionActive);
        Counted(door)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.inc(DownstreamStat::ConnectionDestroy);
        self.0.dec(DownstreamStat::ConnectionActive);
    }
}

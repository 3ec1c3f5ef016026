//! The other way into the exchange: a call from inside the process, for API servers, functions and whoever
//! else runs on a worker. Routes, retries, timeouts, limits, metrics and access logs hold for it as they do for
//! a request that came in by a connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use bytestring::ByteString;
use mecha_base::timer::LazyTimer;
use mecha_base::{Error, Kind, Result};
use mecha_cluster::PickState;
use mecha_config::proxy::Protocol;
use mecha_http::local::{self, ClientStream, ServerStream};
use mecha_http::{Frame, HeaderId, Headers, Length, Method, RequestHead, ResponseHead, Version};
use mecha_net::Address;

use crate::client::Client;
use crate::exchange::{Context, Downstream, Request, exchange};
use crate::listener::{Door, Filter, HttpFilter};
use crate::worker::{Slot, Worker};

/// A listener of one worker, as calls enter it. Belongs to the worker's thread; cheap to clone.
#[derive(Clone)]
pub struct Caller {
    door: Arc<Door>,
    http: Arc<HttpFilter>,
}

/// A call on its way. It moves only while one of its methods is polled or awaited, on the worker's thread; a drain
/// waits for it. Dropping it cancels it.
pub struct Call {
    // Dropped first, so that the exchange ends before the stream that it answers on.
    exchange: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stream: ClientStream,
    worker: Arc<Worker>,
    _slot: Slot,
}

impl Caller {
    /// The way in by this door, when it takes requests.
    pub(crate) fn new(door: &Arc<Door>) -> Option<Self> {
        let http = door.listener.filters.iter().find_map(|filter| match filter {
            Filter::Http(http) => Some(http),
            Filter::Tcp(_) => None,
        })?;
        Some(Caller { door: door.clone(), http: http.clone() })
    }

    /// Calls whatever the listener's routes lead to. `length` is what is known of the request's body, to be sent by
    /// [`Call::send`]. Where the route does not say what the upstream speaks, it is what the head's version says.
    ///
    /// Fields that belong to one hop (RFC 9110 section 7.6.1) are taken off; framing follows `length`. A body is a tunnel
    /// for CONNECT, and only then.
    pub fn call(&self, mut head: RequestHead, length: Length) -> Call {
        let length = match length {
            _ if head.method == Method::CONNECT => Length::Tunnel,
            Length::Tunnel => Length::Unknown,
            length => length,
        };
        tidy(&mut head, length);
        let (client, server) = local::pair(length);
        let request = Request { head, length, wants_upgrade: false };
        Call {
            exchange: Some(Box::pin(serve(self.clone(), request, server))),
            stream: client,
            worker: self.door.worker.clone(),
            _slot: Slot::new(&self.door.worker),
        }
    }
}

async fn serve(caller: Caller, mut request: Request, mut stream: ServerStream) {
    let Caller { door, http } = &caller;
    let protocol = if request.head.version == Version::Http2 { Protocol::Http2 } else { Protocol::Http1 };
    let client = Client { id: door.worker.next_id(), local: None, remote: Address::Unix(None) };
    let mut timer = LazyTimer::new();
    let mut pick = PickState::new(door.worker.fork_rng());
    let context = Context {
        door,
        client: &client,
        proxy: &http.proxy,
        timer: &mut timer,
        pick: &mut pick,
        bound: None,
    };
    exchange(context, &mut request, Downstream::Local(&mut stream, protocol)).await;
}

/// Makes a head what the ends of connections make of those they receive: nothing in it belongs to another hop, the
/// authority is said once, and the length is the one that is meant.
fn tidy(head: &mut RequestHead, length: Length) {
    let headers = &mut head.headers;
    if head.authority.is_empty()
        && let Some(host) = headers.get_id(HeaderId::Host).and_then(|host| ByteString::try_from(host).ok())
    {
        head.authority = host;
    }
    let of_this_hop = [
        HeaderId::Host,
        HeaderId::Connection,
        HeaderId::KeepAlive,
        HeaderId::ProxyConnection,
        HeaderId::TransferEncoding,
        HeaderId::Upgrade,
        HeaderId::ContentLength,
    ];
    for id in of_this_hop {
        headers.remove_id(id);
    }
    if headers.get_id(HeaderId::Te).is_some_and(|te| !te.eq_ignore_ascii_case(b"trailers")) {
        headers.remove_id(HeaderId::Te);
    }
    if let Length::Known(length) = length {
        // Digits are a valid value.
        let _ = headers.append("content-length", length.to_string().as_bytes());
    }
}

impl Call {
    /// Sends a piece of the request's body, `last` when the end follows without trailers; done when it is taken. What
    /// nobody will read any more is dropped: the response decides.
    ///
    /// An upstream may answer while it still reads, and stop reading until its answer is read: to be safe with large
    /// bodies, poll [`Call::poll_send`] and [`Call::poll_recv`] side by side.
    ///
    /// # Errors
    /// [`Kind::Internal`] on another thread than the worker's.
    pub async fn send(&mut self, mut data: Bytes, last: bool) -> Result<()> {
        poll_fn(|cx| self.poll_send(cx, &mut data, last)).await
    }

    /// Ends the request's body after what was sent; nothing when the last piece did already.
    pub fn send_end(&mut self, trailers: Option<Headers>) {
        self.stream.send_end(trailers);
    }

    /// The head of the response, with what is known of its body. A failure that a client would be told of (no route, no
    /// host, a timeout) is a response too.
    ///
    /// # Errors
    /// As [`Call::poll_head`].
    pub async fn head(&mut self) -> Result<(ResponseHead, Length)> {
        loop {
            let (head, length) = poll_fn(|cx| self.poll_head(cx)).await?;
            if !head.is_interim() {
                return Ok((head, length));
            }
        }
    }

    /// The next step of the response's body; `None` when it has ended.
    ///
    /// # Errors
    /// As [`Call::poll_recv`].
    pub async fn recv(&mut self) -> Result<Option<Frame>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Moves out of `data` what there is room for, ready when all of it is taken. Otherwise as [`Call::send`].
    ///
    /// # Errors
    /// As [`Call::send`].
    pub fn poll_send(&mut self, cx: &mut TaskContext<'_>, data: &mut Bytes, last: bool) -> Poll<Result<()>> {
        let taken = self.stream.poll_send(&mut quiet(), data, last);
        // What was taken shall not lie here until somebody asks for the response.
        self.run(cx)?;
        if taken.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let taken = self.stream.poll_send(cx, data, last);
        if taken.is_ready() {
            self.run(cx)?;
        }
        taken.map(Ok)
    }

    /// The next head: informational ones first, then the response's.
    ///
    /// # Errors
    /// What ended the exchange without a response; [`Kind::Internal`] on another thread than the worker's.
    pub fn poll_head(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        if let Poll::Ready(head) = self.stream.poll_head(&mut quiet()) {
            return Poll::Ready(head);
        }
        self.run(cx)?;
        self.stream.poll_head(cx)
    }

    /// The next step of the response's body; `None` when it has ended.
    ///
    /// # Errors
    /// What cut the response; [`Kind::Internal`] on another thread than the worker's.
    pub fn poll_recv(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Option<Frame>>> {
        if let Poll::Ready(frame) = self.stream.poll_recv(&mut quiet()) {
            return Poll::Ready(frame);
        }
        self.run(cx)?;
        self.stream.poll_recv(cx)
    }

    /// What went wrong, when the response is one that the exchange made to tell of it; `None` when it came from upstream
    /// or from the configuration.
    pub fn failure(&self) -> Option<Error> {
        self.stream.failure()
    }

    /// Whether the response has been received whole.
    pub fn is_received(&self) -> bool {
        self.stream.is_received()
    }

    /// Lets the exchange go on as far as it can.
    fn run(&mut self, cx: &mut TaskContext<'_>) -> Result<()> {
        if !self.worker.is_here() {
            return Err(Error::local(Kind::Internal, "a call moves on its worker's thread only"));
        }
        if let Some(exchange) = &mut self.exchange
            && exchange.as_mut().poll(cx).is_ready()
        {
            self.exchange = None;
        }
        Ok(())
    }
}

/// For a first look at the stream. The exchange runs right after it, and what that changes is seen by a second look:
/// a wake-up would only poll the task once more.
fn quiet() -> TaskContext<'static> {
    TaskContext::from_waker(Waker::noop())
}

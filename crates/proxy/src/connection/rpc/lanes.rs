//! The lanes of a connection. Idle ones park their wakers with what they share; a request is queued, and one of them is
//! woken for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use futures_util::stream::{FuturesUnordered, Stream as _};
use mecha_base::timer::LazyTimer;
use mecha_base::worker::WorkerCell;
use mecha_cluster::PickState;
use mecha_http::{Length, RequestHead};
use mecha_rpc::server::ServerStream;

use crate::client::Client;
use crate::exchange::{Context, Downstream, Request, exchange};
use crate::listener::{Door, HttpFilter};
use crate::upstream::Bound;

/// Most lanes that wait for a request; one that comes free beyond that ends.
const MOST_IDLE: usize = 64;

/// What the lanes of one connection have in common.
pub(super) struct Shared {
    pub(super) door: Arc<Door>,
    pub(super) client: Client,
    pub(super) http: Arc<HttpFilter>,
    pub(super) bound: Bound,
    queue: WorkerCell<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Requests that no lane has taken yet.
    waiting: VecDeque<(RequestHead, ServerStream)>,
    /// Lanes that have nothing to do, by number.
    idle: Vec<(u32, Waker)>,
    numbers: u32,
}

/// The lanes themselves.
#[derive(Default)]
pub(super) struct Lanes(FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Shared {
    pub(super) fn new(door: &Arc<Door>, client: Client, http: &Arc<HttpFilter>) -> Self {
        Shared {
            door: door.clone(),
            client,
            http: http.clone(),
            bound: Bound::new(),
            queue: WorkerCell::new(Queue::default()),
        }
    }

    /// After the lanes were dropped.
    pub(super) fn forget_lanes(&self) {
        if let Some(mut queue) = self.queue.borrow() {
            queue.idle = Vec::new();
            queue.waiting.shrink_to_fit();
        }
    }

    /// The next request for lane `number`; `None` when enough others wait. `parked` is the lane's own note that it has
    /// left its waker here before.
    fn poll_next(
        &self,
        cx: &mut TaskContext<'_>,
        number: u32,
        parked: &mut bool,
    ) -> Poll<Option<(RequestHead, ServerStream)>> {
        let Some(mut queue) = self.queue.borrow() else { return Poll::Ready(None) };
        if let Some(next) = queue.waiting.pop_front() {
            return Poll::Ready(Some(next));
        }
        // Another lane may have taken the request that this one was woken for.
        if *parked && let Some(place) = queue.idle.iter_mut().find(|(lane, _)| *lane == number) {
            place.1.clone_from(cx.waker());
            return Poll::Pending;
        }
        if queue.idle.len() >= MOST_IDLE {
            return Poll::Ready(None);
        }
        queue.idle.push((number, cx.waker().clone()));
        *parked = true;
        Poll::Pending
    }
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives a request to a lane that has nothing to do, or to a new one.
    pub(super) fn serve(&mut self, shared: &Arc<Shared>, head: RequestHead, stream: ServerStream) {
        let Some(mut queue) = shared.queue.borrow() else { return };
        queue.waiting.push_back((head, stream));
        match queue.idle.pop() {
            Some((_, waker)) => {
                drop(queue);
                waker.wake();
            }
            None => {
                queue.numbers = queue.numbers.wrapping_add(1);
                let number = queue.numbers;
                drop(queue);
                self.0.push(Box::pin(lane(shared.clone(), number)));
            }
        }
    }

    /// Moves every lane that can move.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) {
        while let Poll::Ready(Some(())) = Pin::new(&mut self.0).poll_next(cx) {}
    }
}

/// Serves requests one after the other.
async fn lane(shared: Arc<Shared>, number: u32) {
    let mut timer = LazyTimer::new();
    let mut pick = PickState::new(shared.door.worker.fork_rng());
    loop {
        let mut parked = false;
        let next = poll_fn(|cx| shared.poll_next(cx, number, &mut parked)).await;
        let Some((head, mut stream)) = next else { return };
        let context = Context {
            door: &shared.door,
            client: &shared.client,
            proxy: &shared.http.proxy,
            timer: &mut timer,
            pick: &mut pick,
            bound: Some(&shared.bound),
        };
        let mut request = Request { head, length: Length::Empty, wants_upgrade: false };
        exchange(context, &mut request, Downstream::rpc(&mut stream)).await;
    }
}

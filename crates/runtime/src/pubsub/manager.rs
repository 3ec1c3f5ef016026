//! Which subscriptions run: what is wished for is compared with what runs, whatever happened (the application came or
//! went, files changed, a component was loaded anew), and the difference is made true.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use mecha_config::runtime::Subscription;
use parking_lot::Mutex;

use super::delivery::Target;
use super::running::{NotStarted, Running};
use super::stream::Shared;
use super::{ListedSubscription, SubscriptionKind, wishes};
use crate::runtime::Runtime;

/// The first pause before a subscription that could not begin is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// The subscriptions of a runtime.
#[derive(Default)]
pub(super) struct Manager {
    /// Changes wait for one another; deliveries never take this.
    state: tokio::sync::Mutex<State>,
    /// What is wished for, for metadata; `None` before the first change.
    listed: Mutex<Option<Vec<ListedSubscription>>>,
    streams: Mutex<Vec<Weak<Shared>>>,
    /// A task waits to try again.
    trying: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What files declare; `None` = what the configuration had.
    declared: Option<Vec<Subscription>>,
    /// What the application said.
    asked: Vec<Subscription>,
    /// The application takes messages.
    started: bool,
    /// For good.
    closed: bool,
    active: Vec<Active>,
    pause: Option<Duration>,
    /// How often components were taken away or replaced.
    releases: u64,
}

struct Active {
    listed: ListedSubscription,
    running: Running,
}

impl Manager {
    pub(super) async fn start(&self, runtime: &Arc<Runtime>) {
        // Without the lock: the application may take its time, and may be given up meanwhile.
        let asked = wishes::ask(runtime).await;
        let mut state = self.state.lock().await;
        state.started = runtime.channel().is_some() && !state.closed;
        if let Some(asked) = asked {
            state.asked = asked;
        }
        self.adjust(runtime, &mut state).await;
    }

    pub(super) async fn stop(&self, runtime: &Runtime) {
        let mut state = self.state.lock().await;
        state.started = false;
        self.end_unwanted(runtime, &mut state).await;
    }

    pub(super) async fn close(&self, runtime: &Runtime) {
        let mut state = self.state.lock().await;
        (state.started, state.closed) = (false, true);
        let streams = self.streams();
        let ending = streams.iter().filter_map(|stream| stream.end()).map(Running::stop);
        tokio::join!(self.end_unwanted(runtime, &mut state), join_all(ending.collect::<Vec<_>>()));
        streams.iter().for_each(|stream| stream.hang_up());
    }

    pub(super) async fn apply(&self, runtime: &Arc<Runtime>, declared: Vec<Subscription>) {
        let mut state = self.state.lock().await;
        state.declared = Some(declared);
        self.adjust(runtime, &mut state).await;
    }

    pub(super) async fn release(&self, pubsub: &str) {
        let mut state = self.state.lock().await;
        self.end_of(&mut state, pubsub).await;
    }

    pub(super) async fn loaded(&self, runtime: &Arc<Runtime>, pubsub: &str) {
        let mut state = self.state.lock().await;
        self.end_of(&mut state, pubsub).await;
        self.adjust(runtime, &mut state).await;
    }

    pub(super) async fn add_stream(
        &self,
        runtime: &Arc<Runtime>,
        stream: &Arc<Shared>,
    ) -> Result<(), NotStarted> {
        let closed = || NotStarted { text: "the runtime is shutting down".to_owned(), again: false };
        loop {
            let before = {
                let state = self.state.lock().await;
                if state.closed {
                    return Err(closed());
                }
                state.releases
            };
            // Without the lock: many streams on a broker that hangs would hold up everything else one after another.
            let running = Running::start(runtime, &stream.wish, Target::Stream(stream.clone())).await?;
            let state = self.state.lock().await;
            if !state.closed && state.releases == before {
                stream.begin(running);
                let mut streams = self.streams.lock();
                streams.retain(|stream| stream.upgrade().is_some_and(|stream| !stream.has_ended()));
                streams.push(Arc::downgrade(stream));
                return Ok(());
            }
            drop(state);
            // Perhaps its component was replaced meanwhile.
            running.stop().await;
        }
    }

    pub(super) fn list(&self, runtime: &Runtime) -> Vec<ListedSubscription> {
        let known = self.listed.lock().clone();
        let mut all = known.unwrap_or_else(|| wishes::merge(&runtime.config().resources.subscriptions, &[]));
        let streams = self.streams();
        let kind = SubscriptionKind::Streaming;
        all.extend(
            streams.iter().map(|stream| ListedSubscription { subscription: stream.wish.clone(), kind }),
        );
        all
    }

    /// The streams that have not ended.
    fn streams(&self) -> Vec<Arc<Shared>> {
        let streams = self.streams.lock();
        streams.iter().filter_map(Weak::upgrade).filter(|stream| !stream.has_ended()).collect()
    }

    /// Makes what runs what is wished for.
    async fn adjust(&self, runtime: &Arc<Runtime>, state: &mut State) {
        self.end_unwanted(runtime, state).await;
        let mut again = false;
        if state.started {
            again |= self.begin_wanted(runtime, state).await;
        }
        if !state.closed {
            again |= self.begin_streams(runtime).await;
        }
        if !again {
            state.pause = None;
        } else {
            let pause = state.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LAST_PAUSE));
            state.pause = Some(pause);
            self.try_again(runtime, pause);
        }
    }

    /// What is wished for; remembered for metadata.
    fn wished(&self, runtime: &Runtime, state: &State) -> Vec<ListedSubscription> {
        let declared = state.declared.as_deref().unwrap_or(&runtime.config().resources.subscriptions);
        let wished = wishes::merge(declared, &state.asked);
        *self.listed.lock() = Some(wished.clone());
        wished
    }

    async fn end_unwanted(&self, runtime: &Runtime, state: &mut State) {
        let wished = self.wished(runtime, state);
        let keeps = |active: &mut Active| state.started && wished.contains(&active.listed);
        let ending: Vec<_> = state.active.extract_if(.., |active| !keeps(active)).collect();
        join_all(ending.into_iter().map(|active| active.running.stop())).await;
    }

    /// Begins what does not run; whether something is to be tried again.
    async fn begin_wanted(&self, runtime: &Arc<Runtime>, state: &mut State) -> bool {
        let (mut again, before) = (false, state.active.len());
        let mut wanted = self.wished(runtime, state);
        wanted.retain(|listed| state.active.iter().all(|active| active.listed != *listed));
        // At once, so that all of them together take no longer than the slowest.
        let begun = wanted.iter().map(|listed| Running::start(runtime, &listed.subscription, Target::App));
        let begun = join_all(begun.collect::<Vec<_>>()).await;
        for (listed, begun) in wanted.into_iter().zip(begun) {
            match begun {
                Ok(running) => state.active.push(Active { listed, running }),
                Err(error) => {
                    again |= error.again;
                    let Subscription { pubsub, topic, .. } = &listed.subscription;
                    tracing::error!("topic {topic} of pubsub {pubsub} is not subscribed: {}", error.text);
                }
            }
        }
        if state.active.len() > before {
            wishes::log(state.active.iter().map(|active| &active.listed.subscription));
        }
        again
    }

    async fn begin_streams(&self, runtime: &Arc<Runtime>) -> bool {
        let mut again = false;
        let mut waiting = self.streams();
        waiting.retain(|stream| !stream.is_settled());
        let begun = waiting
            .iter()
            .map(|stream| Running::start(runtime, &stream.wish, Target::Stream(stream.clone())));
        let begun = join_all(begun.collect::<Vec<_>>()).await;
        for (stream, begun) in waiting.iter().zip(begun) {
            match begun {
                Ok(running) => stream.begin(running),
                Err(error) => {
                    again |= error.again;
                    let Subscription { pubsub, topic, .. } = &stream.wish;
                    tracing::error!("the stream on topic {topic} of pubsub {pubsub} waits: {}", error.text);
                }
            }
        }
        again
    }

    /// Ends everything on one component.
    async fn end_of(&self, state: &mut State, pubsub: &str) {
        state.releases += 1;
        let active = state.active.extract_if(.., |active| active.listed.subscription.pubsub == pubsub);
        let mut ending: Vec<_> = active.map(|active| active.running).collect();
        let streams = self.streams();
        ending.extend(
            streams
                .iter()
                .filter(|stream| stream.wish.pubsub == pubsub)
                .filter_map(|stream| stream.release()),
        );
        join_all(ending.into_iter().map(Running::stop)).await;
    }

    fn try_again(&self, runtime: &Arc<Runtime>, pause: Duration) {
        if self.trying.swap(true, Ordering::AcqRel) {
            return;
        }
        let weak = Arc::downgrade(runtime);
        runtime.tasks().spawn(async move {
            tokio::time::sleep(pause).await;
            let Some(runtime) = weak.upgrade() else { return };
            let manager = &runtime.pubsub().manager;
            manager.trying.store(false, Ordering::Release);
            let mut state = manager.state.lock().await;
            manager.adjust(&runtime, &mut state).await;
        });
    }
}

//! What tests of messages share: an application and a broker that remember what they were asked and answer as told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use mecha_component::pubsub::{
    BulkEntry, DynPubSub, Handler, Message, Metadata, PubSub, PublishRequest, SubscribeRequest, Subscription,
};
use mecha_component::{Drivers, Error, Features, Properties};
use mecha_config::runtime as config;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::body::Body;
use crate::channel::{AppChannel, AppConfig, BulkTopicEvent, TopicEvent, Verdict};
use crate::components::Loaded;
use crate::error::ApiError;
use crate::runtime::Runtime;
use crate::testing;

/// The configuration of an application `shop` with a server.
pub(crate) fn config() -> config::Runtime {
    let mut config = testing::config();
    config.identity.app_id = "shop".into();
    config.app.port = Some(8080);
    config
}

/// A runtime whose tasks run on the test's own.
pub(crate) fn runtime(config: config::Runtime) -> Arc<Runtime> {
    testing::runtime_of(config, Drivers::default())
}

/// Makes a broker a component of the runtime.
pub(crate) fn load(runtime: &Runtime, name: &str, driver: impl PubSub, properties: &[(&str, &str)]) {
    let driver: Arc<dyn DynPubSub> = Arc::new(driver);
    let config = testing::component(name, "pubsub.in-memory", properties);
    let properties: Properties = properties.iter().copied().collect();
    let loaded = Arc::new(Loaded { config, properties, driver });
    runtime.components().change(|all| {
        all.pubsub.insert(name.into(), loaded);
    });
}

/// A broker that keeps what it is given and lets a test hand messages over.
#[derive(Clone, Default)]
pub(crate) struct Bus(pub(crate) Arc<BusState>);

#[derive(Default)]
pub(crate) struct BusState {
    pub(crate) features: Mutex<Features>,
    pub(crate) published: Mutex<Vec<PublishRequest>>,
    pub(crate) bulks: Mutex<Vec<Vec<BulkEntry>>>,
    /// Topics, and ids of a bulk, that are refused.
    pub(crate) refused: Mutex<Vec<String>>,
    /// Topics on which a subscription never begins.
    pub(crate) hanging: Mutex<Vec<String>>,
    pub(crate) subscribed: Mutex<Vec<(SubscribeRequest, Arc<dyn Handler>)>>,
    /// Topics whose subscription has ended.
    pub(crate) ended: Mutex<Vec<String>>,
}

impl Bus {
    pub(crate) fn with(features: Features) -> Self {
        let bus = Bus::default();
        *bus.0.features.lock() = features;
        bus
    }

    /// The data of what was published to a topic, as JSON.
    pub(crate) fn sent(&self, topic: &str) -> Vec<Value> {
        let published = self.0.published.lock();
        let of_topic = published.iter().filter(|request| request.topic == topic);
        of_topic.map(|request| serde_json::from_slice(&request.data).unwrap_or(Value::Null)).collect()
    }

    /// Hands messages to the subscription that was made last on a topic.
    pub(crate) async fn deliver(&self, topic: &str, data: &[&str]) -> Vec<Result<(), Error>> {
        let handler = {
            let subscribed = self.0.subscribed.lock();
            let found = subscribed.iter().rev().find(|(request, _)| request.topic == topic);
            found.expect("a subscription").1.clone()
        };
        let message = |data: &&str| Message {
            topic: topic.into(),
            data: bytes::Bytes::copy_from_slice(data.as_bytes()),
            content_type: None,
            metadata: Metadata::from([("offset".into(), "1".into())]),
        };
        handler.handle(data.iter().map(message).collect()).await
    }
}

impl PubSub for Bus {
    fn features(&self) -> Features {
        *self.0.features.lock()
    }

    async fn publish(&self, request: PublishRequest) -> Result<(), Error> {
        if self.0.refused.lock().contains(&request.topic) {
            return Err(Error::unavailable("the broker is away"));
        }
        self.0.published.lock().push(request);
        Ok(())
    }

    async fn bulk_publish(
        &self,
        _topic: &str,
        entries: Vec<BulkEntry>,
        _metadata: &Metadata,
    ) -> Result<Vec<(String, Error)>, Error> {
        let refused = self.0.refused.lock().clone();
        let failed = entries.iter().filter(|entry| refused.contains(&entry.id));
        let failed = failed.map(|entry| (entry.id.clone(), Error::unavailable("no"))).collect();
        self.0.bulks.lock().push(entries);
        Ok(failed)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
    ) -> Result<Arc<dyn Subscription>, Error> {
        if self.0.refused.lock().contains(&request.topic) {
            return Err(Error::unavailable("the broker is away"));
        }
        let topic = request.topic.clone();
        let hangs = self.0.hanging.lock().contains(&topic);
        if hangs {
            std::future::pending::<()>().await;
        }
        self.0.subscribed.lock().push((request, handler));
        Ok(Arc::new(BusEnd { bus: self.0.clone(), topic }))
    }
}

struct BusEnd {
    bus: Arc<BusState>,
    topic: String,
}

impl Subscription for BusEnd {
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Drop for BusEnd {
    fn drop(&mut self) {
        self.bus.ended.lock().push(self.topic.clone());
    }
}

/// An application that answers as told and tells what it got.
pub(crate) struct App {
    /// Given in turn; then [`Verdict::Success`].
    pub(crate) answers: Mutex<VecDeque<Result<Verdict, ApiError>>>,
    /// Verdicts by the text of an entry's data; others are not named in the answer.
    pub(crate) bulk: Mutex<BTreeMap<String, Verdict>>,
    pub(crate) wishes: Mutex<Vec<config::Subscription>>,
    /// How many invocations do not reach it from now on.
    pub(crate) unreached: AtomicU32,
    /// Invocations, those that did not reach it included.
    pub(crate) invoked: AtomicU32,
    events: mpsc::UnboundedSender<TopicEvent>,
    bulks: mpsc::UnboundedSender<BulkTopicEvent>,
}

/// What an [`App`] got.
pub(crate) struct Got {
    pub(crate) events: mpsc::UnboundedReceiver<TopicEvent>,
    pub(crate) bulks: mpsc::UnboundedReceiver<BulkTopicEvent>,
}

impl App {
    /// The application of a runtime.
    pub(crate) fn of(runtime: &Runtime) -> (Arc<Self>, Got) {
        let (events, got) = mpsc::unbounded_channel();
        let (bulks, got_bulks) = mpsc::unbounded_channel();
        let (answers, bulk, wishes) = Default::default();
        let (unreached, invoked) = Default::default();
        let app = Arc::new(App { answers, bulk, wishes, unreached, invoked, events, bulks });
        runtime.set_channel(app.clone());
        (app, Got { events: got, bulks: got_bulks })
    }
}

impl AppChannel for App {
    fn invoke(&self, _: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, ApiError>> {
        self.invoked.fetch_add(1, Ordering::SeqCst);
        let fewer = |left: u32| left.checked_sub(1);
        let is_unreached = self.unreached.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok();
        Box::pin(async move {
            match is_unreached {
                true => Err(ApiError::app_unreached("connection refused")),
                false => Ok(http::Response::new(Body::empty())),
            }
        })
    }

    fn topic_event(&self, event: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        let _ = self.events.send(event);
        let answer = self.answers.lock().pop_front().unwrap_or(Ok(Verdict::Success));
        Box::pin(async move { answer })
    }

    fn bulk_topic_event(
        &self,
        event: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>> {
        let data = |event: &crate::channel::BulkEvent| match event {
            crate::channel::BulkEvent::Envelope(envelope) => {
                envelope["data"].as_str().unwrap_or_default().to_owned()
            }
            crate::channel::BulkEvent::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let verdicts = self.bulk.lock();
        let each = |entry: &crate::channel::BulkTopicEntry| {
            Some((entry.id.clone(), *verdicts.get(&data(&entry.event))?))
        };
        let answer = event.entries.iter().filter_map(each).collect();
        drop(verdicts);
        let _ = self.bulks.send(event);
        Box::pin(async move { Ok(answer) })
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<config::Subscription>, ApiError>> {
        let wishes = self.wishes.lock().clone();
        Box::pin(async move { Ok(wishes) })
    }

    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>> {
        Box::pin(async { Ok(Value::Null) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async { Ok(()) })
    }
}

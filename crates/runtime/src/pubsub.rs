//! Messages for the application: which subscriptions there are, how a message becomes an event, where it goes, and what
//! becomes of it (reference 1.6). Publishing is in `publish`; both share brokers, envelopes and scopes.

pub(crate) mod broker;
pub(crate) mod envelope;
pub(crate) mod metadata;
pub(crate) mod scopes;

mod bulk;
mod collect;
mod dead_letter;
mod delivery;
mod event;
mod manager;
mod rules;
mod running;
mod stream;
mod wishes;

use std::sync::Arc;

use mecha_config::runtime::Subscription;

use crate::runtime::Runtime;

pub use stream::{StreamAcks, StreamEvent, StreamSubscription};

/// Everything about messages that a runtime keeps.
#[derive(Default)]
pub(crate) struct PubSubs {
    brokers: broker::Brokers,
    manager: manager::Manager,
}

/// Who wishes for a topic's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionKind {
    /// A resource file.
    Declarative,
    /// The application, when it was asked.
    Programmatic,
    /// The application, by a stream.
    Streaming,
}

impl SubscriptionKind {
    /// As metadata shows it.
    pub const fn name(self) -> &'static str {
        match self {
            SubscriptionKind::Declarative => "DECLARATIVE",
            SubscriptionKind::Programmatic => "PROGRAMMATIC",
            SubscriptionKind::Streaming => "STREAMING",
        }
    }
}

/// A subscription as metadata lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedSubscription {
    /// What is wished for.
    pub subscription: Subscription,
    /// By whom.
    pub kind: SubscriptionKind,
}

impl Runtime {
    /// Asks the application what it wishes for, and begins to deliver that and what files declare. Does nothing for an
    /// application without a server. To be called when the application is there, and when it is healthy again.
    pub async fn start_subscriptions(self: &Arc<Self>) {
        self.pubsub().manager.start(self).await;
    }

    /// Takes no more messages and waits, at most 30 s, until those under way are settled; the others come again. Streams
    /// go on. To be called when the application is not healthy.
    pub async fn stop_subscriptions(&self) {
        self.pubsub().manager.stop(self).await;
    }

    /// As [`Runtime::stop_subscriptions`], streams included, and for good.
    pub async fn close_subscriptions(&self) {
        self.pubsub().manager.close(self).await;
    }

    /// Replaces what files declare: subscriptions that are new or changed begin, those that are gone end, the others are
    /// not touched.
    pub async fn apply_subscriptions(self: &Arc<Self>, declared: Vec<Subscription>) {
        self.pubsub().manager.apply(self, declared).await;
    }

    /// Ends the subscriptions and streams on a component, as [`Runtime::stop_subscriptions`] does, before its driver is
    /// closed. They are wished for still: [`Runtime::on_pubsub_loaded`] begins them again.
    pub async fn release_pubsub(&self, name: &str) {
        self.pubsub().manager.release(name).await;
    }

    /// Begins what is wished for on a component that was loaded, or loaded anew.
    pub async fn on_pubsub_loaded(self: &Arc<Self>, name: &str) {
        self.pubsub().manager.loaded(self, name).await;
    }

    /// Every subscription that is wished for, declared ones first.
    pub fn subscriptions(&self) -> Vec<ListedSubscription> {
        self.pubsub().manager.list(self)
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

//! Which queues a message goes to. A topic that ends in `*` stands for every longer one that begins so.

use std::collections::HashMap;

use parking_lot::RwLock;
use tokio::sync::mpsc::Sender;

use crate::pubsub::Message;

/// The queue of a subscription.
pub(super) type Queue = Sender<Message>;

/// Queues by topic.
#[derive(Default)]
pub(super) struct Topics(RwLock<Lists>);

#[derive(Default)]
struct Lists {
    /// By topic, in the order of subscribing.
    exact: HashMap<String, Vec<(u64, Queue)>>,
    /// What stands before the `*`.
    wild: Vec<(String, u64, Queue)>,
    last: u64,
}

impl Topics {
    /// Adds a queue; the number that takes it out again.
    pub(super) fn add(&self, topic: &str, queue: Queue) -> u64 {
        let mut lists = self.0.write();
        lists.last += 1;
        let id = lists.last;
        match topic.strip_suffix('*') {
            Some(prefix) => lists.wild.push((prefix.to_owned(), id, queue)),
            None => lists.exact.entry(topic.to_owned()).or_default().push((id, queue)),
        }
        id
    }

    /// Takes a queue out: its receiver sees the end when publishers that hold it are done.
    pub(super) fn remove(&self, topic: &str, id: u64) {
        let mut lists = self.0.write();
        lists.wild.retain(|(_, other, _)| *other != id);
        if let Some(queues) = lists.exact.get_mut(topic) {
            queues.retain(|(other, _)| *other != id);
            if queues.is_empty() {
                lists.exact.remove(topic);
            }
        }
    }

    /// The queues that a message of `topic` goes to.
    pub(super) fn queues(&self, topic: &str) -> Vec<Queue> {
        let lists = self.0.read();
        let exact = lists.exact.get(topic).into_iter().flatten().map(|(_, queue)| queue);
        let longer = |prefix: &str| topic.len() > prefix.len() && topic.starts_with(prefix);
        let wild = lists.wild.iter().filter(|(prefix, ..)| longer(prefix)).map(|(.., queue)| queue);
        exact.chain(wild).cloned().collect()
    }
}

//! What the runtime delivered to a demo service: kept until somebody asks for it by id. The quickstart's client asks, so
//! that a message counts only when the application really had it.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Messages that nobody has asked for; the oldest is dropped for one more.
const MOST_MESSAGES: usize = 1024;
/// How long a question waits for its message; less than the client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The messages of one service.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: Mutex<VecDeque<(String, String)>>,
    arrived: Notify,
}

impl Inbox {
    /// Takes an event in JSON, whole; `None` when it has no `id` or its `data` is no text.
    pub(super) fn put(&self, event: &[u8]) -> Option<()> {
        let event: Value = serde_json::from_slice(event).ok()?;
        let message = (event.get("id")?.as_str()?.to_owned(), event.get("data")?.as_str()?.to_owned());
        let mut messages = self.messages.lock();
        if messages.len() == MOST_MESSAGES {
            messages.pop_front();
        }
        messages.push_back(message);
        drop(messages);
        self.arrived.notify_waiters();
        Some(())
    }

    /// The data of the event with this id, once it is there; `None` when it does not come in time.
    pub(super) async fn take(&self, id: &str) -> Option<String> {
        timeout(PATIENCE, async {
            loop {
                let mut arrival = std::pin::pin!(self.arrived.notified());
                // What comes between the look and the wait must wake as well.
                arrival.as_mut().enable();
                if let Some(data) = self.look(id) {
                    return data;
                }
                arrival.await;
            }
        })
        .await
        .ok()
    }

    fn look(&self, id: &str) -> Option<String> {
        let mut messages = self.messages.lock();
        let place = messages.iter().position(|(known, _)| known == id)?;
        messages.remove(place).map(|(_, data)| data)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_message_is_given_to_who_asks_before_or_after_it_comes() {
        let inbox = Arc::new(Inbox::default());
        inbox.put(br#"{"id": "1", "data": "one"}"#).unwrap();
        assert_eq!(inbox.take("1").await.as_deref(), Some("one"));
        let asked = tokio::spawn({
            let inbox = Arc::clone(&inbox);
            async move { inbox.take("2").await }
        });
        tokio::task::yield_now().await;
        inbox.put(br#"{"id": "2", "data": "two"}"#).unwrap();
        assert_eq!(asked.await.unwrap().as_deref(), Some("two"));
        assert_eq!(inbox.look("2"), None, "each is given once");
    }

    #[test]
    fn what_is_no_event_is_refused_and_the_oldest_makes_room() {
        let inbox = Inbox::default();
        assert_eq!(inbox.put(b"orders"), None);
        assert_eq!(inbox.put(br#"{"data": "no id"}"#), None);
        for number in 0..=MOST_MESSAGES {
            inbox.put(format!(r#"{{"id": "{number}", "data": ""}}"#).as_bytes()).unwrap();
        }
        assert_eq!(inbox.look("0"), None);
        assert!(inbox.look("1").is_some());
    }
}

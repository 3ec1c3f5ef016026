//! Several messages at a time, collected by the driver or by the runtime.

use std::time::Duration;

use mecha_component::{Feature, Features};
use mecha_config::runtime::component::Bulk;
use tokio::time::Instant;

use super::*;
use crate::channel::{BulkEvent, Verdict};

const ABLE: Features = Features::of(&[Feature::BulkSubscribe]);

fn bulk_wish() -> Subscription {
    let bulk = Bulk { max_messages: 3, max_await: Duration::from_millis(500) };
    Subscription { bulk: Some(bulk), ..wish("orders", "/orders") }
}

fn verdicts(app: &App, verdicts: &[(&str, Verdict)]) {
    app.bulk.lock().extend(verdicts.iter().map(|(data, verdict)| ((*data).to_owned(), *verdict)));
}

#[tokio::test]
async fn each_entry_has_its_verdict_and_a_missing_one_means_again() {
    let bus = Bus::with(ABLE);
    let dead = Subscription { dead_letter: Some("dead".into()), ..bulk_wish() };
    for (wish, results, dead) in [(bulk_wish(), [true, true, false, false], 0), (dead, [true; 4], 3)] {
        let (_runtime, app, mut got) = started(&bus, vec![wish]).await;
        verdicts(&app, &[("a", Verdict::Success), ("b", Verdict::Drop), ("c", Verdict::Retry)]);
        let events = ["a", "b", "c", "d"].map(|data| format!(r#"{{"id":"{data}","data":"{data}"}}"#));
        let told = bus.deliver("orders", &events.each_ref().map(String::as_str)).await;
        assert_eq!(told.iter().map(Result::is_ok).collect::<Vec<_>>(), results);
        assert_eq!(bus.sent("dead").len(), dead);
        let event = got.bulks.recv().await.unwrap();
        assert_eq!((event.entries.len(), event.path.as_str()), (4, "/orders"));
        assert_eq!(event.entries[0].content_type, "application/cloudevents+json");
    }
    let asked: Vec<_> = bus.0.subscribed.lock().iter().map(|(request, _)| request.bulk).collect();
    assert_eq!(asked[0], Some((3, Duration::from_millis(500))));
}

#[tokio::test]
async fn entries_go_by_path_and_what_is_no_event_comes_to_nobody() {
    let bus = Bus::with(ABLE);
    let mut wish = bulk_wish();
    let rule =
        mecha_config::runtime::SubscriptionRule { matches: "event.data == 'a'".into(), path: "/a".into() };
    wish.rules.insert(0, rule);
    let (_runtime, app, mut got) = started(&bus, vec![wish]).await;
    verdicts(&app, &[("a", Verdict::Success), ("b", Verdict::Success)]);
    let told = bus.deliver("orders", &[r#"{"data":"b"}"#, "?", r#"{"data":"a"}"#]).await;
    assert_eq!(told, [Ok(()), Ok(()), Ok(())]);
    let paths = [got.bulks.recv().await.unwrap(), got.bulks.recv().await.unwrap()].map(|bulk| bulk.path);
    assert_eq!(paths, ["/a", "/orders"]);
}

#[tokio::test]
async fn raw_entries_are_bytes() {
    let bus = Bus::with(ABLE);
    let mut wish = bulk_wish();
    wish.metadata.insert("rawPayload".into(), "true".into());
    let (_runtime, app, mut got) = started(&bus, vec![wish]).await;
    verdicts(&app, &[("hello", Verdict::Success)]);
    assert_eq!(bus.deliver("orders", &["hello"]).await, [Ok(())]);
    let bulk = got.bulks.recv().await.unwrap();
    assert!(matches!(&bulk.entries[0].event, BulkEvent::Raw(bytes) if bytes == "hello"));
    assert_eq!(bulk.entries[0].content_type, "application/octet-stream");
}

#[tokio::test(start_paused = true)]
async fn messages_are_collected_until_there_are_enough_or_the_first_waited_long() {
    let bus = Bus::default();
    let (_runtime, app, mut got) = started(&bus, vec![bulk_wish()]).await;
    verdicts(&app, &[("x", Verdict::Success)]);
    let began = Instant::now();
    let event = [r#"{"data":"x"}"#];
    let one = || bus.deliver("orders", &event);
    let _ = tokio::join!(one(), one(), one());
    assert_eq!((got.bulks.recv().await.unwrap().entries.len(), began.elapsed()), (3, Duration::ZERO));
    let told = tokio::join!(one(), one());
    assert_eq!(told, (vec![Ok(())], vec![Ok(())]));
    let (entries, waited) = (got.bulks.recv().await.unwrap().entries.len(), began.elapsed());
    assert_eq!(entries, 2);
    assert!(waited >= Duration::from_millis(500) && waited < Duration::from_millis(510), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_goes_at_once_when_the_subscription_ends() {
    let bus = Bus::default();
    let wish = Subscription {
        bulk: Some(Bulk { max_messages: 9, max_await: Duration::from_secs(3600) }),
        ..wish("orders", "/orders")
    };
    let (runtime, app, mut got) = started(&bus, vec![wish]).await;
    verdicts(&app, &[("x", Verdict::Success)]);
    let began = Instant::now();
    let stop = async {
        // The message is in before the subscription ends: both are polled in their order.
        tokio::task::yield_now().await;
        runtime.stop_subscriptions().await;
    };
    let event = [r#"{"data":"x"}"#];
    let (told, ()) = tokio::join!(bus.deliver("orders", &event), stop);
    assert_eq!((told, began.elapsed()), (vec![Ok(())], Duration::ZERO));
    assert_eq!(got.bulks.recv().await.unwrap().entries.len(), 1);
}

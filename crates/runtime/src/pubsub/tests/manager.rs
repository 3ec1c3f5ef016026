//! Which subscriptions run.

use std::time::Duration;

use super::*;
use crate::pubsub::SubscriptionKind;

/// What the broker was asked for, by topic.
fn asked(bus: &Bus) -> Vec<String> {
    bus.0.subscribed.lock().iter().map(|(request, _)| request.topic.clone()).collect()
}

fn ended(bus: &Bus) -> Vec<String> {
    bus.0.ended.lock().clone()
}

#[tokio::test]
async fn a_declaration_wins_over_the_application() {
    let bus = Bus::default();
    let mut config = testing::config();
    config.resources.subscriptions = vec![wish("orders", "/declared")];
    let runtime = testing::runtime(config);
    testing::load(&runtime, "bus", bus.clone(), &[]);
    let (app, mut got) = App::of(&runtime);
    *app.wishes.lock() = vec![wish("orders", "/asked"), wish("stock", "/stock")];
    runtime.start_subscriptions().await;
    assert_eq!(asked(&bus), ["orders", "stock"]);
    bus.deliver("orders", &["{}"]).await;
    assert_eq!(got.events.recv().await.unwrap().path, "/declared");
    let listed: Vec<_> =
        runtime.subscriptions().into_iter().map(|each| (each.subscription.topic, each.kind.name())).collect();
    assert_eq!(listed, [("orders".into(), "DECLARATIVE"), ("stock".to_owned(), "PROGRAMMATIC")]);
}

#[tokio::test]
async fn stopping_ends_them_and_starting_begins_what_the_application_says_then() {
    let bus = Bus::default();
    let (runtime, app, _got) = started(&bus, vec![wish("orders", "/orders")]).await;
    runtime.stop_subscriptions().await;
    assert_eq!(ended(&bus), ["orders"]);
    *app.wishes.lock() = vec![wish("new", "/new")];
    runtime.start_subscriptions().await;
    assert_eq!(asked(&bus), ["orders", "orders", "new"]);
    runtime.start_subscriptions().await;
    assert_eq!(asked(&bus).len(), 3, "what runs is not begun again");
}

#[tokio::test]
async fn a_message_that_comes_after_the_end_is_left_to_the_broker() {
    let bus = Bus::default();
    let (runtime, _app, mut got) = started(&bus, vec![wish("orders", "/orders")]).await;
    runtime.stop_subscriptions().await;
    assert!(bus.deliver("orders", &["{}"]).await[0].is_err());
    assert!(got.events.try_recv().is_err());
}

#[tokio::test]
async fn only_what_changed_is_touched_when_files_change() {
    let bus = Bus::default();
    let (runtime, _app, _got) =
        started(&bus, vec![wish("same", "/a"), wish("other", "/b"), wish("gone", "/c")]).await;
    let declared = vec![wish("same", "/a"), wish("other", "/moved"), wish("new", "/d")];
    runtime.apply_subscriptions(declared).await;
    let mut over = ended(&bus);
    over.sort();
    assert_eq!(over, ["gone", "other"]);
    assert_eq!(asked(&bus)[3..], ["other", "new"]);
}

#[tokio::test]
async fn a_component_that_is_loaded_anew_gets_its_subscriptions() {
    let old = Bus::default();
    let (runtime, _app, mut got) = started(&old, vec![wish("orders", "/orders")]).await;
    let new = Bus::default();
    runtime.release_pubsub("bus").await;
    assert_eq!(ended(&old), ["orders"]);
    testing::load(&runtime, "bus", new.clone(), &[]);
    runtime.on_pubsub_loaded("bus").await;
    assert_eq!(asked(&new), ["orders"]);
    new.deliver("orders", &["{}"]).await;
    assert_eq!(got.events.recv().await.unwrap().topic, "orders");
}

#[tokio::test(start_paused = true)]
async fn what_can_not_begin_is_tried_again() {
    let bus = Bus::default();
    bus.0.refused.lock().push("orders".into());
    let (_runtime, _app, mut got) =
        started(&bus, vec![wish("orders", "/orders"), wish("stock", "/stock")]).await;
    assert_eq!(asked(&bus), ["stock"], "the others do not wait for it");
    bus.0.refused.lock().clear();
    tokio::time::timeout(Duration::from_secs(5), async {
        while asked(&bus).len() < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
    bus.deliver("orders", &["{}"]).await;
    assert_eq!(got.events.recv().await.unwrap().topic, "orders");
}

#[tokio::test]
async fn scopes_and_wrong_rules_keep_a_subscription_from_beginning() {
    let bus = Bus::default();
    let mut config = testing::config();
    let mut wrong = wish("wrong", "/wrong");
    wrong.rules[0].matches = "event.type ==".into();
    config.resources.subscriptions = vec![wish("orders", "/orders"), wish("secret", "/secret"), wrong];
    let runtime = testing::runtime(config);
    testing::load(&runtime, "bus", bus.clone(), &[("subscriptionScopes", "shop=orders,wrong")]);
    let (_app, _got) = App::of(&runtime);
    runtime.start_subscriptions().await;
    assert_eq!(asked(&bus), ["orders"]);
}

#[tokio::test]
async fn the_consumer_is_the_application_unless_somebody_says_another() {
    let bus = Bus::default();
    let mut own = wish("own", "/own");
    own.metadata.insert("consumerID".into(), "me".into());
    let (runtime, _app, _got) = started(&bus, vec![wish("orders", "/orders"), own]).await;
    testing::load(&runtime, "bus", bus.clone(), &[("consumerID", "group")]);
    runtime.on_pubsub_loaded("bus").await;
    let consumers: Vec<_> =
        bus.0.subscribed.lock().iter().map(|(request, _)| request.metadata["consumerID"].clone()).collect();
    assert_eq!(consumers, ["shop", "me", "group", "me"]);
}

#[tokio::test]
async fn without_a_server_nothing_is_delivered_but_all_is_listed() {
    let bus = Bus::default();
    let mut config = testing::config();
    config.resources.subscriptions = vec![wish("orders", "/orders")];
    let runtime = testing::runtime(config);
    testing::load(&runtime, "bus", bus.clone(), &[]);
    assert_eq!(runtime.subscriptions()[0].kind, SubscriptionKind::Declarative);
    runtime.start_subscriptions().await;
    assert!(asked(&bus).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_holds_up_nothing_for_long() {
    let bus = Bus::default();
    *bus.0.hanging.lock() = vec!["a".to_owned(), "b".to_owned()];
    let began = tokio::time::Instant::now();
    let (runtime, _app, _got) =
        started(&bus, vec![wish("a", "/a"), wish("b", "/b"), wish("orders", "/orders")]).await;
    assert_eq!(asked(&bus), ["orders"], "others begin");
    assert!(began.elapsed() < Duration::from_secs(11), "both were given up at once: {:?}", began.elapsed());
    bus.0.hanging.lock().clear();
    while asked(&bus).len() < 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "they are tried again");
    runtime.stop_subscriptions().await;
}

//! Calls of the own application under policies, and calls that can not be made.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use mecha_config::runtime::Resiliency;
use mecha_config::runtime::resiliency::{Pause, Retry, Target};

use super::*;
use crate::invoke::Invocation;
use crate::pubsub::testing::{self, App};

/// How often the application is called that is not reached so many times, and whether that succeeds.
async fn tries(users: bool, unreached: u32) -> (u32, bool) {
    let mut config = testing::config();
    if users {
        let pause = Pause::Constant(Duration::from_millis(10));
        let retry = Retry { pause, max_retries: Some(3), http_codes: None, grpc_codes: None };
        let target = Target { retry: Some("twice".to_owned()), ..Target::default() };
        config.resources.resiliency = vec![Resiliency {
            name: "mine".to_owned(),
            retries: BTreeMap::from([("twice".to_owned(), retry)]),
            apps: BTreeMap::from([("shop".to_owned(), target)]),
            ..Resiliency::default()
        }];
    }
    let runtime = testing::runtime(config);
    let (app, _got) = App::of(&runtime);
    app.unreached.store(unreached, Ordering::SeqCst);
    let request = Request::post("/new").body(Body::from("x".to_owned())).unwrap();
    let result = runtime.invoke(Invocation { target: "shop".to_owned(), request }).await;
    (app.invoked.load(Ordering::SeqCst), result.is_ok())
}

#[tokio::test(start_paused = true)]
async fn the_own_application_is_tried_again_as_a_users_policy_says() {
    assert_eq!(tries(true, 2).await, (3, true));
    assert_eq!(tries(true, 9).await, (4, false));
    assert_eq!(tries(false, 2).await, (1, false), "the built-in policy is for runtimes that are not reached");
}

#[tokio::test]
async fn a_method_that_runtimes_can_not_tell_one_another_is_refused() {
    let runtime = testing::runtime(testing::config());
    let request = Request::builder().method("PROPFIND").uri("/files").body(Body::empty()).unwrap();
    let error = runtime.invoke(Invocation { target: "cart".to_owned(), request }).await.err().unwrap();
    assert_eq!((error.http(), error.grpc()), (501, GrpcCode::Unimplemented));
    assert!(error.message().contains("PROPFIND"), "{}", error.message());
}

//! Policies as targets get them and operations run under them.

use std::sync::atomic::{AtomicU32, Ordering};

use mecha_config::runtime::Resiliency;
use mecha_config::runtime::resiliency::{self as config, Pause};

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrong {
    status: Option<u16>,
    retriable: bool,
    unreachable: bool,
}

impl Failure for Wrong {
    fn is_retriable(&self) -> bool {
        self.retriable
    }

    fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    fn http_status(&self) -> Option<u16> {
        self.status
    }
}

const WRONG: Wrong = Wrong { status: None, retriable: true, unreachable: false };

fn retry(max: u32) -> config::Retry {
    let pause = Pause::Constant(Duration::from_millis(10));
    config::Retry { pause, max_retries: Some(max), http_codes: None, grpc_codes: None }
}

fn target(timeout: &str, retry: &str, breaker: &str) -> config::Target {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    config::Target { timeout: name(timeout), retry: name(retry), breaker: name(breaker), breaker_cache: None }
}

fn policies(change: impl FnOnce(&mut Resiliency)) -> Policies {
    let mut resource = Resiliency { name: "mine".to_owned(), ..Resiliency::default() };
    change(&mut resource);
    Policies::new(&[resource], Arc::default())
}

/// How often an operation that always fails so is tried, and what comes of it.
async fn tries(policy: &Policy, wrong: Wrong) -> (u32, Refused<Wrong>) {
    let tries = AtomicU32::new(0);
    let result: Result<(), _> = policy
        .run(|_| {
            tries.fetch_add(1, Ordering::Relaxed);
            let wrong = wrong.clone();
            async { Err(wrong) }
        })
        .await;
    (tries.into_inner(), result.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn without_a_resource_components_have_none_and_applications_the_built_in_one() {
    let policies = Policies::new(&[], Arc::default());
    assert!(policies.outbound("store", "statestore").is_empty());
    let app = policies.app("orders");
    assert!(!app.is_users());
    assert_eq!(tries(&app, WRONG).await.0, 1, "an answer is an answer");
    let begun = tokio::time::Instant::now();
    assert_eq!(tries(&app, Wrong { unreachable: true, ..WRONG }).await.0, 4);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn retries_end_and_codes_choose() {
    let policies = policies(|resource| {
        let codes = config::Retry { http_codes: Some(vec![500..=503]), ..retry(2) };
        resource.retries = [("some".to_owned(), codes)].into();
        resource.apps = [("orders".to_owned(), target("", "some", ""))].into();
    });
    let app = policies.app("orders");
    assert!(app.is_users());
    assert_eq!(tries(&app, Wrong { status: Some(502), ..WRONG }).await.0, 3);
    assert_eq!(tries(&app, Wrong { status: Some(504), ..WRONG }).await.0, 1);
    assert_eq!(tries(&app, Wrong { retriable: false, status: Some(502), ..WRONG }).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_try_is_ended_and_tried_again() {
    let policies = policies(|resource| {
        resource.timeouts = [("short".to_owned(), Duration::from_secs(1))].into();
        resource.retries = [("once".to_owned(), retry(1))].into();
        let outbound = target("short", "once", "");
        let component = config::ComponentTarget { outbound, ..config::ComponentTarget::default() };
        resource.components = [("store".to_owned(), component)].into();
    });
    let policy = policies.outbound("store", "statestore");
    let result: Result<u32, Refused<Wrong>> = policy
        .run(|attempt| async move {
            if attempt == 0 {
                std::future::pending::<()>().await;
            }
            Ok(attempt)
        })
        .await;
    assert_eq!(result, Ok(1));
    assert!(policies.inbound("store", "statestore").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_shared_by_all_calls_to_its_target() {
    let policies = policies(|resource| {
        let breaker = config::Breaker {
            max_requests: 1,
            interval: Duration::ZERO,
            timeout: Duration::from_secs(60),
            trip: "consecutiveFailures >= 2".to_owned(),
        };
        resource.breakers = [("quick".to_owned(), breaker)].into();
        resource.apps = [("orders".to_owned(), target("", "", "quick"))].into();
    });
    for _ in 0..2 {
        assert_eq!(tries(&policies.app("orders"), WRONG).await, (1, Refused::Failed(WRONG)));
    }
    assert_eq!(tries(&policies.app("orders"), WRONG).await.1, Refused::Open("circuit breaker is open"));
    assert_eq!(tries(&policies.app("stock"), WRONG).await.1, Refused::Failed(WRONG));
}

#[tokio::test(start_paused = true)]
async fn the_most_specific_default_is_taken() {
    let policies = policies(|resource| {
        resource.retries = [
            ("DefaultRetryPolicy".to_owned(), retry(1)),
            ("DefaultComponentRetryPolicy".to_owned(), retry(2)),
            ("DefaultStatestoreComponentOutboundRetryPolicy".to_owned(), retry(3)),
        ]
        .into();
    });
    assert_eq!(tries(&policies.outbound("store", "statestore"), WRONG).await.0, 4);
    assert_eq!(tries(&policies.outbound("bus", "pubsub"), WRONG).await.0, 3);
    assert_eq!(tries(&policies.app("orders"), WRONG).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_breaker_as_it_was() {
    let policies = policies(|resource| {
        let breaker = config::Breaker {
            max_requests: 1,
            interval: Duration::ZERO,
            timeout: Duration::ZERO,
            trip: "consecutiveFailures > 0".to_owned(),
        };
        resource.breakers = [("one".to_owned(), breaker)].into();
        resource.apps = [("orders".to_owned(), target("", "", "one"))].into();
    });
    let app = policies.app("orders");
    // It opens, and is half open at once.
    assert_eq!(tries(&app, WRONG).await.1, Refused::Failed(WRONG));
    let hanging = app.run(|_| std::future::pending::<Result<(), Wrong>>());
    assert!(futures_util::FutureExt::now_or_never(hanging).is_none(), "the only place is taken");
    assert_eq!(app.run(|_| async { Ok::<_, Wrong>(7) }).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_repeated_is_made_once_and_still_limited() {
    let policies = policies(|resource| {
        resource.timeouts = [("short".to_owned(), Duration::from_secs(1))].into();
        resource.retries = [("some".to_owned(), retry(2))].into();
        resource.apps = [("orders".to_owned(), target("short", "some", ""))].into();
    });
    let app = policies.app("orders");
    let begun = tokio::time::Instant::now();
    let late = app.run_once(std::future::pending::<Result<(), Wrong>>()).await;
    assert_eq!(late, Err(Refused::Timeout(Duration::from_secs(1))));
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[test]
fn a_user_in_a_url_is_no_label() {
    let metrics = Arc::new(Metrics::new(&crate::testing::config()));
    let policies = Policies::new(&[], metrics.clone());
    let policy = policies.app("http://me:password@stock.example:8080/base");
    policy.0.as_ref().unwrap().begin();
    let text = metrics.text();
    assert!(text.contains("target=\"app_stock.example:8080\""), "{text}");
    assert!(!text.contains("password"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_can_no_longer_be_repeated_is_not_tried_again() {
    let policies = Policies::new(&[], Arc::default());
    let tries = AtomicU32::new(0);
    let operation = |_| {
        tries.fetch_add(1, Ordering::Relaxed);
        async { Err::<(), _>(Wrong { unreachable: true, ..WRONG }) }
    };
    let again = || tries.load(Ordering::Relaxed) < 2;
    assert!(policies.app("orders").run_while(operation, again).await.is_err());
    assert_eq!(tries.into_inner(), 2);
}

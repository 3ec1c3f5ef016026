//! Which failures and statuses are retried, how often, and after which pauses: tables of behaviour.

use super::*;

static NONE: RetryPolicy =
    RetryPolicy { on_failure: false, retries: 0, try_timeout: None, status_codes: Vec::new() };
static ON: RetryPolicy =
    RetryPolicy { on_failure: true, retries: 0, try_timeout: None, status_codes: Vec::new() };

fn state(policy: &RetryPolicy) -> RetryState<'_> {
    RetryState::new(policy, Rng::with_seed(5))
}

fn retries(decision: Decision) -> bool {
    decision != Decision::No
}

#[test]
fn which_failures_are_retried() {
    use Progress::*;
    // kind, progress, without a policy, with one
    let cases = [
        (Kind::ConnectFailed, NotSent, true, true),
        (Kind::ConnectTimeout, NotSent, true, true),
        (Kind::UpstreamReset, NotSent, true, true),
        (Kind::UpstreamReset, Sent, false, true),
        (Kind::UpstreamProtocol, Sent, false, true),
        (Kind::TryTimeout, Sent, false, true),
        (Kind::Timeout, Sent, false, false),
        (Kind::Overflow, NotSent, false, false),
        (Kind::NoHealthyHost, NotSent, false, false),
        (Kind::NoCluster, NotSent, false, false),
        (Kind::StreamIdle, Sent, false, false),
        (Kind::ClientGone, Sent, false, false),
        (Kind::SlowClient, Sent, false, false),
        (Kind::BadRequest(400), Sent, false, false),
        (Kind::Shutdown, Sent, false, false),
        (Kind::Internal, Sent, false, false),
        (Kind::UpstreamReset, Answered, false, false),
        (Kind::ConnectFailed, Answered, false, false),
    ];
    for (kind, progress, without, with) in cases {
        let error = Error::upstream(kind, "");
        assert_eq!(retries(state(&NONE).on_error(&error, progress)), without, "{kind:?} {progress:?}");
        assert_eq!(retries(state(&ON).on_error(&error, progress)), with, "{kind:?} {progress:?} with policy");
    }
}

#[test]
fn an_error_that_forbids_it_is_never_retried() {
    let error = Error::upstream(Kind::ConnectFailed, "").retry_when(RetrySafety::No);
    assert_eq!(state(&ON).on_error(&error, Progress::NotSent), Decision::No);
}

#[test]
fn a_refused_stream_is_safe_to_repeat_without_a_policy() {
    let error = Error::upstream(Kind::UpstreamReset, "").retry_when(RetrySafety::Safe);
    assert!(retries(state(&NONE).on_error(&error, Progress::Sent)));
}

#[test]
fn a_keep_alive_race_is_repeated_once_at_once_and_uncounted() {
    let error = || Error::upstream(Kind::UpstreamReset, "").retry_when(RetrySafety::ReusedOnly);
    let mut without = state(&NONE);
    let at_once = Decision::Retry { pause: Duration::ZERO, counted: false };
    assert_eq!(without.on_error(&error(), Progress::Sent), at_once);
    assert_eq!(without.on_error(&error(), Progress::Sent), Decision::No);
    assert_eq!(without.retries(), 1);

    let mut with = state(&ON);
    assert_eq!(with.on_error(&error(), Progress::Sent), at_once);
    for _ in 0..LEAST_RETRIES {
        assert!(matches!(with.on_error(&error(), Progress::Sent), Decision::Retry { counted: true, .. }));
    }
    assert_eq!(with.on_error(&error(), Progress::Sent), Decision::No);
}

#[test]
fn three_retries_or_more_by_policy() {
    for (configured, allowed) in [(0, 3), (2, 3), (3, 3), (5, 5)] {
        let policy = RetryPolicy { retries: configured, ..NONE.clone() };
        let mut state = state(&policy);
        let error = Error::upstream(Kind::ConnectFailed, "");
        let made = (0..20).filter(|_| retries(state.on_error(&error, Progress::NotSent))).count();
        assert_eq!(made, allowed, "num_retries {configured}");
        assert_eq!(state.retries() as usize, allowed);
    }
}

#[test]
fn pauses_stay_around_ten_milliseconds_and_differ() {
    let policy = RetryPolicy { retries: 100, ..ON.clone() };
    let mut state = state(&policy);
    let mut pauses: Vec<_> = (0..100)
        .map(|_| match state.on_status(503, None) {
            Decision::Retry { pause, .. } => pause,
            Decision::No => panic!("100 retries are allowed"),
        })
        .collect();
    assert!(pauses.iter().all(|pause| (5..=15).contains(&pause.as_millis())), "{pauses:?}");
    pauses.dedup();
    assert!(pauses.len() > 50);
}

#[test]
fn which_statuses_are_retried() {
    let listed = RetryPolicy { status_codes: vec![429, 503], ..ON.clone() };
    let unavailable = Some(GrpcStatus::UNAVAILABLE);
    let internal = Some(GrpcStatus::INTERNAL);
    // status, grpc-status, without a policy, with one, with one that lists 429 and 503
    let cases = [
        (200, None, false, false, false),
        (404, None, false, false, false),
        (429, None, false, false, true),
        (500, None, false, true, false),
        (503, None, false, true, true),
        (200, unavailable, false, true, true),
        (200, internal, false, false, false),
        (200, Some(GrpcStatus::OK), false, false, false),
        (200, Some(GrpcStatus::RESOURCE_EXHAUSTED), false, false, true),
    ];
    for (status, grpc, without, with, with_list) in cases {
        let case = format!("{status} {grpc:?}");
        assert_eq!(retries(state(&NONE).on_status(status, grpc)), without, "{case}");
        assert_eq!(retries(state(&ON).on_status(status, grpc)), with, "{case} with policy");
        assert_eq!(retries(state(&listed).on_status(status, grpc)), with_list, "{case} with list");
    }
    assert!(!state(&NONE).watches_status());
    assert!(state(&ON).watches_status());
}

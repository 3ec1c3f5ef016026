//! Stream filters between a call and its upstream.

use std::time::Duration;

use mecha_base::ResponseFlags;
use mecha_config::filter::{Fault, FaultAbort, FaultDelay};
use mecha_config::route::DirectResponse;
use mecha_config::{Action, StreamFilter};
use mecha_http::Length;
use mecha_metrics::DownstreamStat;
use tokio::time::Instant;

use crate::canned;
use crate::kit::{House, cluster, collect, config, dead_host, forward, get, post};

fn abort(status: u16) -> Fault {
    Fault { abort: Some(FaultAbort { percentage: 100, status }), ..Fault::default() }
}

fn delay(time: Duration) -> Fault {
    Fault { delay: Some(FaultDelay { percentage: 100, time }), ..Fault::default() }
}

fn answer() -> Action {
    Action::Direct(DirectResponse { status: 200, body: "hello".to_owned() })
}

#[tokio::test]
async fn a_fault_answers_in_the_place_of_the_upstream() {
    let model = config(forward("app"), vec![cluster("app", &[dead_host().await])]);
    let house = House::filtering(&model, vec![StreamFilter::Fault(abort(418))]);
    let mut call = house.caller().call(get("/"), Length::Empty);
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 418);
    assert_eq!(collect(&mut call).await.0, b"fault injected\n");
    assert!(call.failure().is_none(), "it is an answer, not a failure to get one");
    let record = house.record();
    assert_eq!((record.flags, record.upstream_host), (ResponseFlags::FAULT_INJECTED, None));
}

#[tokio::test]
async fn a_grpc_call_gets_a_fault_as_a_status() {
    let model = config(forward("app"), vec![cluster("app", &[dead_host().await])]);
    let house = House::filtering(&model, vec![StreamFilter::Fault(abort(503))]);
    let mut request = post("/s/m");
    request.headers.append("content-type", b"application/grpc").unwrap();
    let mut call = house.caller().call(request, Length::Empty);
    let (head, length) = call.head().await.unwrap();
    assert_eq!((head.status.as_u16(), length), (200, Length::Empty));
    assert_eq!(head.headers.get("grpc-status"), Some(&b"14"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_a_request_up_for_its_time() {
    let time = Duration::from_secs(3);
    let house = House::filtering(&config(answer(), vec![]), vec![StreamFilter::Fault(delay(time))]);
    let begun = Instant::now();
    let mut call = house.caller().call(get("/"), Length::Empty);
    assert_eq!(call.head().await.unwrap().0.status.as_u16(), 200);
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(collect(&mut call).await.0, b"hello");
    assert_eq!(house.record().flags, ResponseFlags::DELAY_INJECTED);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_for_a_delay_is_gone() {
    let forever = Duration::from_secs(3_600);
    let house = House::filtering(&config(answer(), vec![]), vec![StreamFilter::Fault(delay(forever))]);
    let mut call = house.caller().call(get("/"), Length::Empty);
    assert!(tokio::time::timeout(Duration::from_secs(1), call.head()).await.is_err());
    drop(call);
    assert_eq!(house.count(DownstreamStat::RequestActive), 0);
    assert_eq!(house.record().response_code, 499);
}

#[tokio::test]
async fn a_route_has_its_own_settings() {
    let mut model = config(answer(), vec![]);
    model.routers[0].virtual_hosts[0].filters = vec![StreamFilter::Fault(abort(501))];
    let filters = || vec![StreamFilter::Fault(abort(418))];
    let status = async |model: &mecha_config::Config, filters| {
        let house = House::filtering(model, filters);
        house.caller().call(get("/"), Length::Empty).head().await.unwrap().0.status.as_u16()
    };
    assert_eq!(status(&model, filters()).await, 501);
    model.routers[0].virtual_hosts[0].routes[0].filters = vec![StreamFilter::Fault(Fault::default())];
    assert_eq!(status(&model, filters()).await, 200);
    // Settings alone are no filter.
    model.routers[0].virtual_hosts[0].routes[0].filters.clear();
    assert_eq!(status(&model, vec![]).await, 200);
}

#[tokio::test]
async fn calls_are_counted_by_what_their_end_says() {
    const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n";
    const BADLY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\ngrpc-status: 5\r\n\r\n";
    for (answer, expected) in [(WELL, [1, 1, 0]), (BADLY, [1, 0, 1])] {
        let upstream = canned(answer).await;
        let model = config(forward("app"), vec![cluster("app", &[upstream])]);
        let house = House::filtering(&model, vec![StreamFilter::GrpcMetric]);
        let mut request = post("/shop.Orders/List");
        request.headers.append("content-type", b"application/grpc").unwrap();
        let mut call = house.caller().call(request, Length::Empty);
        call.head().await.unwrap();
        collect(&mut call).await;
        drop(call);
        assert_eq!(house.grpc_calls("shop.Orders", "List"), expected, "{answer}");
        let called = house.record().called.unwrap();
        assert_eq!((&called.service[..], &called.method[..]), (&b"shop.Orders"[..], &b"List"[..]));
    }
}

#[tokio::test]
async fn a_call_that_found_no_host_is_counted_as_failed() {
    let model = config(forward("app"), vec![cluster("app", &[dead_host().await])]);
    let house = House::filtering(&model, vec![StreamFilter::GrpcMetric]);
    let mut request = post("/shop.Orders/List");
    request.headers.append("content-type", b"application/grpc").unwrap();
    house.caller().call(request, Length::Empty).head().await.unwrap();
    assert_eq!(house.grpc_calls("shop.Orders", "List"), [1, 0, 1]);
}
